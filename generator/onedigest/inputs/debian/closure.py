"""Knows which packages a set of packages needs, as apt would choose them on an empty system."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from onedigest.errors import InputError, Problem
from onedigest.inputs.debian import version
from onedigest.inputs.debian.index import Index, Relation, Stanza

_NEWER = "run `onedigest generate --upgrade`, or use a newer base"


def close(index: Index, wanted: Iterable[str], without: frozenset[str], given: Mapping[str, Stanza]) -> list[Stanza]:
    """Return the packages that are needed for those wanted, sorted by name, less those that are given.

    Dependencies on the names of `without` count as met. Of alternatives, the first counts that is chosen already,
    else the first that exists, else its first provider by priority and name. Raises `InputError`.
    """
    resolver = _Resolver(index, without, given)
    for name in sorted(wanted):
        resolver.choose(name)
    resolver.follow()
    chosen = [resolver.chosen[name] for name in sorted(resolver.chosen.keys() - given.keys())]
    problems = resolver.problems or _conflicts(chosen, resolver.chosen)
    if problems:
        raise InputError(problems)
    return chosen


class _Resolver:
    """What is chosen so far, and whose dependencies wait to be followed."""

    def __init__(self, index: Index, without: frozenset[str], given: Mapping[str, Stanza]) -> None:
        self.chosen: dict[str, Stanza] = dict(given)
        self.problems: list[Problem] = []
        self._index = index
        self._without = without
        self._waiting: deque[Stanza] = deque()
        self._provided: dict[str, list[tuple[Stanza, str]]] = {}
        for stanza in given.values():
            self._note(stanza)

    def choose(self, name: str) -> None:
        """Choose a package by name, or the first that provides it."""
        if name in self.chosen:
            return
        stanza = self._index.get(name) or next((each for each, _ in self._index.providers(name)), None)
        if stanza is None:
            self.problems.append(Problem(f"there is no Debian package `{name}`", hint="correct `system-packages`"))
        else:
            self._add(stanza)

    def follow(self) -> None:
        """Choose what is needed until nothing is missing."""
        while self._waiting:
            stanza = self._waiting.popleft()
            for alternatives in stanza.depends:
                if any(each.name in self._without for each in alternatives) or any(map(self._is_met, alternatives)):
                    continue
                found = next(filter(None, map(self._find, alternatives)), None)
                if found is None:
                    missing = " | ".join(map(str, alternatives))
                    self.problems.append(Problem(f"Debian package `{stanza.name}` needs {missing}, which is not there"))
                elif found.name in self.chosen:
                    has = f"{found.name} {self.chosen[found.name].version}"
                    needs = " | ".join(map(str, alternatives))
                    self.problems.append(
                        Problem(f"Debian package `{stanza.name}` needs {needs}, and the base has {has}", hint=_NEWER)
                    )
                else:
                    self._add(found)

    def _is_met(self, relation: Relation) -> bool:
        chosen = self.chosen.get(relation.name)
        if chosen and version.satisfies(chosen.version, relation.relation, relation.version):
            return True
        return any(_provides(given, relation) for _, given in self._provided.get(relation.name, ()))

    def _find(self, relation: Relation) -> Stanza | None:
        stanza = self._index.get(relation.name)
        if stanza and version.satisfies(stanza.version, relation.relation, relation.version):
            return stanza
        return next((each for each, given in self._index.providers(relation.name) if _provides(given, relation)), None)

    def _add(self, stanza: Stanza) -> None:
        if stanza.name not in self.chosen:
            self.chosen[stanza.name] = stanza
            self._waiting.append(stanza)
            self._note(stanza)

    def _note(self, stanza: Stanza) -> None:
        for relation in stanza.provides:
            self._provided.setdefault(relation.name, []).append((stanza, relation.version))


def _provides(given: str, relation: Relation) -> bool:
    """Tell whether something provided in a version, or without one, meets a relation (Debian Policy, section 7.5)."""
    if not relation.relation:
        return True
    return bool(given) and version.satisfies(given, relation.relation, relation.version)


def _conflicts(chosen: list[Stanza], everything: Mapping[str, Stanza]) -> list[Problem]:
    found = []
    for stanza in chosen:
        for relation in stanza.conflicts:
            other = everything.get(relation.name)
            if other and other is not stanza and version.satisfies(other.version, relation.relation, relation.version):
                found.append(
                    Problem(
                        f"Debian packages `{stanza.name}` and `{other.name}` exclude each other",
                        hint="leave one of them out of `system-packages`",
                    )
                )
    return found
