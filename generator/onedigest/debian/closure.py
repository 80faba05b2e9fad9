"""The packages that a set of packages needs, as apt would choose them on an empty system."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from onedigest.debian import versions
from onedigest.debian.index import Relation, Stanza
from onedigest.errors import InputError, Problem

_NEWER = "run `onedigest generate --upgrade-base`, or use a newer base"


class AvailablePackages(Protocol):
    """Where packages are chosen from."""

    def get(self, name: str) -> Stanza | None:
        """Return the newest version of a package."""

    def providers(self, virtual: str) -> list[tuple[Stanza, str]]:
        """Return the packages that provide a name, and in which version; by priority, then by name."""


class Outdated(Exception):
    """Pins that cannot stay: what is chosen beside them needs another version of them, or they of it."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(*sorted(self.names))


def close(
    packages: AvailablePackages,
    wanted: Iterable[str],
    without: frozenset[str],
    given: Mapping[str, Stanza],
    pins: Mapping[str, Stanza] | None = None,
) -> list[Stanza]:
    """Return the packages that are needed for those wanted, sorted by name, less those that are given.

    Dependencies on the names of `without` count as met. Of alternatives, the first counts that is chosen already,
    else the first that exists, else its first provider by priority and name. A package of `pins` is chosen in that
    version. Raises `InputError`, and `Outdated` where it could be chosen if some of the pins moved.
    """
    resolver = _Resolver(packages, without, given, pins or {})
    for name in sorted(wanted):
        resolver.choose(name)
    resolver.follow()
    chosen = [resolver.chosen[name] for name in sorted(resolver.chosen.keys() - given.keys())]
    problems = resolver.problems or resolver.conflicts(chosen)
    if resolver.outdated:
        raise Outdated(resolver.outdated)
    if problems:
        raise InputError(problems)
    return chosen


class _Resolver:
    """What is chosen so far, and whose dependencies wait to be followed."""

    def __init__(
        self,
        packages: AvailablePackages,
        without: frozenset[str],
        given: Mapping[str, Stanza],
        pins: Mapping[str, Stanza],
    ) -> None:
        self.chosen: dict[str, Stanza] = dict(given)
        self.problems: list[Problem] = []
        self.outdated: set[str] = set()
        self._packages = packages
        self._without = without
        self._pins = pins
        self._waiting: deque[Stanza] = deque()
        self._provided: dict[str, list[tuple[Stanza, str]]] = {}
        for stanza in given.values():
            self._note(stanza)

    def choose(self, name: str) -> None:
        """Choose a package by name, or the first that provides it."""
        if name in self.chosen:
            return
        stanza = self._get(name) or next((each for each, _ in self._packages.providers(name)), None)
        if stanza is None:
            self.problems.append(Problem(f"there is no Debian package `{name}`", hint="correct `system-packages`"))
        else:
            self._add(self._pins.get(stanza.name, stanza))

    def follow(self) -> None:
        """Choose what is needed until nothing is missing."""
        while self._waiting:
            stanza = self._waiting.popleft()
            for alternatives in stanza.depends:
                if any(each.name in self._without for each in alternatives) or any(map(self._is_met, alternatives)):
                    continue
                found = next(filter(None, map(self._find, alternatives)), None)
                if found is not None and found.name not in self.chosen:
                    self._add(found)
                elif moving := self._moving(stanza, alternatives):
                    self.outdated |= moving
                elif found is None:
                    missing = " | ".join(map(str, alternatives))
                    self.problems.append(Problem(f"Debian package `{stanza.name}` needs {missing}, which is not there"))
                else:
                    has = f"{found.name} {self.chosen[found.name].version}"
                    needs = " | ".join(map(str, alternatives))
                    self.problems.append(
                        Problem(f"Debian package `{stanza.name}` needs {needs}, and the base has {has}", hint=_NEWER)
                    )

    def conflicts(self, chosen: Iterable[Stanza]) -> list[Problem]:
        """Return what excludes each other among all that is chosen; a pin may move for that."""
        found = []
        for stanza in chosen:
            for relation in stanza.conflicts:
                other = self.chosen.get(relation.name)
                if not other or other is stanza:
                    continue
                if not versions.satisfies(other.version, relation.relation, relation.version):
                    continue
                if moving := self._movable(other.name) | self._movable(stanza.name):
                    self.outdated |= moving
                    continue
                found.append(
                    Problem(
                        f"Debian packages `{stanza.name}` and `{other.name}` exclude each other",
                        hint="leave one of them out of `system-packages`",
                    )
                )
        return found

    def _moving(self, stanza: Stanza, alternatives: Iterable[Relation]) -> set[str]:
        """Return the pins that stand in the way of a dependency: of what is needed, else of what needs it."""
        for relation in alternatives:
            newest, found = self._packages.get(relation.name), self._movable(relation.name)
            if newest and found and versions.satisfies(newest.version, relation.relation, relation.version):
                return found
        return self._movable(stanza.name)

    def _movable(self, name: str) -> set[str]:
        """Return a name where it is pinned, and its newest version is another one."""
        pin, newest = self._pins.get(name), self._packages.get(name)
        return {name} if pin and newest and newest.version != pin.version else set()

    def _is_met(self, relation: Relation) -> bool:
        chosen = self.chosen.get(relation.name)
        if chosen and versions.satisfies(chosen.version, relation.relation, relation.version):
            return True
        return any(_provides(given, relation) for _, given in self._provided.get(relation.name, ()))

    def _find(self, relation: Relation) -> Stanza | None:
        stanza = self._get(relation.name)
        if stanza and versions.satisfies(stanza.version, relation.relation, relation.version):
            return stanza
        providers = self._packages.providers(relation.name)
        found = next((each for each, given in providers if _provides(given, relation)), None)
        pin = self._pins.get(found.name) if found else None
        if pin and not any(each.name == relation.name and _provides(each.version, relation) for each in pin.provides):
            self.outdated |= self._movable(pin.name)  # its newest version alone provides it
            return found
        return pin or found

    def _get(self, name: str) -> Stanza | None:
        return self._pins.get(name) or self._packages.get(name)

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
    return bool(given) and versions.satisfies(given, relation.relation, relation.version)
