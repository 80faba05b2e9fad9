"""The two requirements of a script that conflict, and the other version of one that ends the conflict."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from onedigest.errors import InputError, OnedigestError, Problem
from onedigest.lock import asked_project
from onedigest.lock.model import LockedPackage
from onedigest.lock.older_versions import ResolvedRequest
from onedigest.tools import uv

FLYTE = "flyte"
"""What starts the tasks of an image: its version is that of whoever launches them, if it can be."""

_ELSEWHERE = "; where `flyte_version=` or the tag of Flyte's own image says it, change it there"

_FURTHER = "; other requirements do not go together either, as the next run says"

_OWN_KIND = ">=2"
"""The versions whose images these are."""

_ASKED = re.compile(r"your project depends on (.{1,4000}?), we can conclude that your project's requirements are")
_DEPENDS = re.compile(
    r"([\w.-]{1,200})(?:[<>=!~][^ ]{0,200})? depends? on (?:one of: )?([\w.-]{1,200}[\w.,<>=!~*+]{1,200}?),?(?= |$)"
)
_LEFT_OUT = re.compile(r"<([\w.!+]{1,50}) [\w.-]{1,200}>\1(?=[ ,]|$)")
"""One version that is left out, which uv says as two ranges: `one of: demo>=1,<2.2 demo>2.2,<3`."""
_BLANKS = re.compile(r"\s+")
_MOST_ROOTS = 4
"""How many requirements are held against each other: each costs uv a run, by what it has read already."""
_MOST_SHARED = 8

LineOf = Callable[[str], str]
"""Returns the place that asks for a package, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Demand:
    """What one side wants of a package: the script itself where `by` is empty, else a package in a version."""

    by: str
    text: str

    def __str__(self) -> str:
        return f"{self.by} needs `{self.text}`" if self.by else f"`{self.text}` is asked for"


def try_resolution(asked: ResolvedRequest) -> Mapping[str, Any] | OnedigestError:
    """Return the uv.lock of what is asked, or why uv finds no solution."""
    spec, sources = asked.spec, asked.sources
    try:
        return uv.lock(
            asked_project.project_text(spec, asked.requested, asked.minor),
            "",
            store=sources.store,
            where=spec.script,
            environment=sources.environment,
            offline=sources.offline,
        )
    except OnedigestError as error:
        return error


def conflict_of(error: InputError, asked: ResolvedRequest, line_of: LineOf) -> InputError | None:
    """Return an error of uv as the two requirements that it is about, None where it is about none of a script's own."""
    roots = _named_roots(str(error), asked)
    if not 1 < len(roots) <= _MOST_ROOTS:
        return None
    alone = {text: _with(asked, [text]) for text in roots}
    for one, other in combinations(roots, 2):
        sides = _Solution(alone[one], asked, one), _Solution(alone[other], asked, other)
        found = _against(*sides, str(error)) or _against_stated(*sides, str(error))
        if found:
            pinned = next((text for text in (one, other) if _name(text) != FLYTE), one)
            needs = ", and ".join(str(need) for need in found if need.by)
            message = f"`{_shown(one)}` and `{_shown(other)}` do not go together: {needs or 'they exclude each other'}"
            where = line_of(_name(pinned)) or asked.spec.script
            return InputError([Problem(message, where, _way_out((one, other), asked))])
    return None


def older_for_others(
    found: Mapping[str, Any],
    newest: Mapping[str, Mapping[str, Any]],
    pins: Sequence[LockedPackage],
    asked: ResolvedRequest,
    line_of: LineOf,
) -> Problem | None:
    """Return why Flyte is chosen in an older version than the newest, where a requirement of others is the reason.

    `newest` are rows of the newest versions by name; what a lock pinned stays.
    """
    versions = [str(row.get("version", "")) for row in found.get("package", ()) if row["name"] == FLYTE]
    version = str(newest.get(FLYTE, {}).get("version", ""))
    if len(versions) != 1 or not version or Version(version) <= Version(versions[0]):
        return None
    if any(package.name == FLYTE for package in pins):
        return None
    requested = f"{FLYTE}=={version}"
    alone = _with(asked, [requested])
    others = [text for text in asked.requested.dependencies if _name(text) != FLYTE]
    sides = _against(_Solution(alone, asked, requested), _Solution(found, asked, *others))
    if sides is None:
        return None
    message = f"`{FLYTE}` {versions[0]} is chosen, and not {version}: {sides[0]}, and {sides[1]}"
    hint = f"write `{FLYTE}=={versions[0]}` if that is meant, or change the other"
    return Problem(message, line_of(FLYTE) or asked.spec.script, hint)


def other_version(error: OnedigestError, asked: ResolvedRequest) -> str:
    """Return which other version of a requirement that uv names last there is a solution with, or nothing.

    Where there is none with another version of one alone, all that name one version are left open together. Where
    that does not help either, what is not even there alone is put right first.
    """
    own = [text for text in _named_roots(str(error), asked) if text in asked.spec.dependencies][:_MOST_ROOTS]
    for text in own:
        if version := _fitting(text, asked):
            return _instead(text, version, "can be had")
    several = [text for text in asked.spec.dependencies if text in own or _is_exact(text)]
    found = _fitting_together(several, asked) if own and several[1:] else {}
    moved = [(text, version) for text, version in found.items() if not _takes(text, version)]
    changes = [f"`{_at(text, version)}` in place of `{text}`" for text, version in moved]
    if changes:
        return f"write {', and '.join(changes)}"
    version = _alone(own[0], asked) if len(own) == 1 and len(asked.requested.dependencies) > 1 else ""
    return _instead(own[0], version, "can be had") if version else ""


def _alone(text: str, asked: ResolvedRequest) -> str:
    """Return the version of a package that can be had without all others, where not even that is as it is asked for."""
    lone = replace(asked, requested=replace(asked.requested, dependencies=(text,)))
    return _fitting(text, lone) if isinstance(try_resolution(lone), OnedigestError) else ""


def _named_roots(said: str, asked: ResolvedRequest) -> list[str]:
    """Return the requirements of a script that uv's last conclusion names, each package once."""
    match = _ASKED.search(_BLANKS.sub(" ", said))
    words = {canonicalize_name(word) for word in re.findall(r"[A-Za-z0-9][\w.-]*", match[1])} if match else set()
    found = {_name(text): text for text in asked.requested.dependencies if _name(text) in words}
    return sorted(found.values(), key=lambda text: (_name(text) == FLYTE, text))


def _name(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return ""


def _shown(text: str) -> str:
    """Return a requirement without the address that it may have, which is one of this machine where it was built."""
    return _name(text) if Requirement(text).url else text


def _with(asked: ResolvedRequest, dependencies: Sequence[str]) -> Mapping[str, Any] | OnedigestError:
    return try_resolution(replace(asked, requested=replace(asked.requested, dependencies=tuple(dependencies))))


def _way_out(clashing: tuple[str, str], asked: ResolvedRequest) -> str:
    """Return which other version of one of two requirements goes with the other, or that there is none.

    A newer version is rather wanted than an older one, so what has an upper bound is given up first.
    """
    one, other = sorted(clashing, key=lambda text: (_name(text) != FLYTE, not _has_upper_bound(text)))
    if version := _fitting(one, asked):
        return _instead(one, version)
    pair = replace(asked, requested=replace(asked.requested, dependencies=(one, other)))
    near = _fitting(one, pair)
    none = f"no version of `{_name(one)}` goes with {'all others' if near else f'`{_shown(other)}`'}"
    if version := _fitting(other, asked):
        return f"{none}; {_instead(other, version)}"
    if near:
        return f"{_instead(one, near)}{_FURTHER}"
    if version := _fitting(other, pair):
        return f"{none}; {_instead(other, version)}{_FURTHER}"
    return f"{none}, and none of `{_name(other)}` with `{_shown(one)}`: leave one of the two out"


def _fitting(text: str, asked: ResolvedRequest) -> str:
    """Return the version of a package that goes with all other requirements, or nothing where none does."""
    if not Requirement(text).specifier:
        return ""  # uv tried all of them
    return _fitting_together([text], asked).get(text, "")


def _fitting_together(texts: Collection[str], asked: ResolvedRequest) -> dict[str, str]:
    """Return versions of packages that go with all other requirements, by what is asked of them; none where none do."""
    found = _with(asked, [_open(each) if each in texts else each for each in asked.requested.dependencies])
    rows = () if isinstance(found, OnedigestError) else found.get("package", ())
    versions = {row["name"]: str(row.get("version", "")) for row in reversed(rows)}
    return {text: version for text in texts if (version := versions.get(_name(text), ""))}


def _open(text: str) -> str:
    """Return a requirement that takes any version."""
    requirement = Requirement(text)
    requirement.specifier = SpecifierSet(_OWN_KIND if _name(text) == FLYTE else "")
    return str(requirement)


def _at(text: str, version: str) -> str:
    """Return a requirement that takes one version."""
    requirement = Requirement(text)
    requirement.specifier = SpecifierSet(f"=={version}")
    return str(requirement)


def _is_exact(text: str) -> bool:
    try:
        return any(each.operator in ("==", "===") for each in Requirement(text).specifier)
    except InvalidRequirement:
        return False


def _has_upper_bound(text: str) -> bool:
    return any(each.operator in ("<", "<=") for each in Requirement(text).specifier)


def _instead(text: str, version: str, what: str = "does") -> str:
    hint = f"{_name(text)} {version} {what}: write `{_at(text, version)}` in place of `{text}`"
    return f"{hint}{_ELSEWHERE}" if _name(text) == FLYTE else hint


class _Solution:
    """A solution of uv, and what its packages need of others, which uv says where that is not to be had."""

    def __init__(self, found: Mapping[str, Any] | OnedigestError, asked: ResolvedRequest, *roots: str) -> None:
        rows = () if isinstance(found, OnedigestError) else found.get("package", ())
        self._asked = asked
        self._roots = roots
        self.names = set(map(_name, roots))
        self._rows = [row for row in rows if row["name"] != asked_project.NAME and row.get("version")]

    def versions(self) -> dict[str, str]:
        """Return the version of each package that has one on all platforms."""
        several: dict[str, set[str]] = {}
        for row in self._rows:
            several.setdefault(row["name"], set()).add(str(row["version"]))
        return {name: versions.pop() for name, versions in several.items() if len(versions) == 1}

    def _needed(self) -> dict[str, set[str]]:
        """Return the names that each package needs, of those that are there for the requirements."""
        needs: dict[str, set[str]] = {}
        for row in self._rows:
            needs.setdefault(row["name"], set()).update(each["name"] for each in row.get("dependencies", ()))
        waiting, found = list(map(_name, self._roots)), dict[str, set[str]]()
        while waiting:
            name = waiting.pop()
            if name in needs and name not in found:
                found[name] = needs[name]
                waiting += needs[name]
        return found

    def against(self, requested: str) -> _Demand | None:
        """Return the first need of a package that excludes what another side wants of it; a root's own comes first."""
        name = _name(requested)
        for root in self._roots:
            if _name(root) == name:
                exact = [each.version for each in Requirement(requested).specifier if each.operator == "=="]
                return None if exact and _takes(root, exact[0]) else _Demand(by="", text=_shown(root))
        requiring = {each for each, names in self._needed().items() if name in names}
        own = requiring & self.names
        groups = [own, requiring] if own and own != requiring else [requiring]
        return next((need for group in groups if (need := self._need_of(group, requested))), None)

    def _need_of(self, requiring: Collection[str], requested: str) -> _Demand | None:
        versions = self.versions()
        pins = [f"{each}=={versions[each]}" for each in sorted(versions.keys() & set(requiring))]
        said = _with(self._asked, [requested, *pins])
        for by, text in _depends(str(said)) if isinstance(said, OnedigestError) else ():
            if by in requiring and by in versions and _name(text) == _name(requested) and text != requested:
                return _Demand(by=f"{by} {versions[by]}", text=text)
        return None


def _takes(requirement: str, version: str) -> bool:
    try:
        return Requirement(requirement).specifier.contains(version, prereleases=True)
    except InvalidRequirement:
        return True


def _against(one: _Solution, other: _Solution, said: str = "") -> tuple[_Demand, _Demand] | None:
    """Return the needs of two solutions that exclude each other: of a package that both have in another version.

    Those that uv `said` something of come first.
    """
    mine, theirs = one.versions(), other.versions()
    shared = [name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]]
    for name in sorted(shared, key=lambda name: (f" {name}" not in said, name))[:_MOST_SHARED]:
        first = one.against(f"{name}=={theirs[name]}")
        if first and (second := other.against(f"{name}=={mine[name]}")):
            return first, second
    return None


def _against_stated(one: _Solution, other: _Solution, said: str) -> tuple[_Demand, _Demand] | None:
    """Return the same where the first cannot be had alone: what it needs is what uv said of it."""
    theirs = other.versions()
    if one.versions() or not theirs:
        return None
    for by, text in _depends(said):
        is_meant = by in one.names and _name(text) in theirs and not _takes(text, theirs[_name(text)])
        if is_meant and (second := other.against(text)):
            return _Demand(by=by, text=text), second
    return None


def _depends(said: str) -> list[tuple[str, str]]:
    """Return which packages need what, as uv says it."""
    return _DEPENDS.findall(_LEFT_OUT.sub(r"!=\1", _BLANKS.sub(" ", said)))
