"""The lock that `uv lock --script` writes beside a script: its pins, and its differences from another lock."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from onedigest import merge_conflicts, untrusted
from onedigest.definition.spec import Spec, normalized_specifier, requirement
from onedigest.definition.uv_project.uv_lock import FORMAT
from onedigest.errors import InputError, Problem, generating
from onedigest.lock import asked_project
from onedigest.lock.model import Lock, LockedPackage
from onedigest.lock.targets import Target, targets_of
from onedigest.lock.uv_lock_values import is_marker
from onedigest.tools.uv_rows import stated_digest, wheel_name

Row = Mapping[str, Any]

_MOST_NAMED = 10
_ELSEWHERE = ("git", "url", "path", "directory", "editable", "virtual")
"""What a requirement has in the place of a version where it does not come from an index."""
_MOST_FORKS = 100
_MINORS = range(11, 17)
_MICROS = range(40)
_Needed = frozenset[tuple[str, frozenset[str], str]]
"""Requirements: name, extras and specifiers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptPins:
    """Versions that uv prefers, and the digests that files must have, by name; `place` is the lock that says so.

    `forks` are the markers of the environments that a version is for, where a package has several. `allowed` are the
    digests of which the files of a package must have one, of any algorithm, where the lock of a project says so.
    """

    packages: tuple[LockedPackage, ...] = ()
    forks: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    allowed: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptLock:
    """A lock of uv for one script: rows of packages, and what the script asked for then."""

    place: str
    rows: tuple[Row, ...]
    requirements: tuple[Row, ...]
    constraints: tuple[Row, ...]
    requires_python: str

    def pins(self, moving: Collection[str] = ()) -> ScriptPins:
        """Return what is taken of it: what comes from an index, but for packages that are to move."""
        rows = [row for row in self.rows if "registry" in row["source"] and row["name"] not in moving]
        stated: dict[str, set[str]] = {}
        for row in rows:
            for name, digest in row["wheels"]:
                stated.setdefault(name, set()).add(digest)
        return ScriptPins(
            packages=tuple(LockedPackage(name=row["name"], version=row["version"], wheels=()) for row in rows),
            forks={(row["name"], row["version"]): row["forks"] for row in rows if row["forks"]},
            # where two indexes have a file of one name, it is not known which of them is meant
            digests={name: min(several) for name, several in stated.items() if len(several) == 1 and "" not in several},
            place=self.place,
        )

    def moved(self, spec: Spec) -> list[str]:
        """Return in which way a script asks for something else than it did, which is nothing where it does not."""
        moved = []
        for target in _samples(spec):
            if _stated(self.requirements, target) != _asked(spec.dependencies, self.requirements, target):
                moved.append("`dependencies`")
            constraints = json.loads(spec.uv).get("constraint-dependencies", [])
            if _stated(self.constraints, target) != _asked(constraints, self.constraints, target):
                moved.append("`constraint-dependencies`")
        if spec.requires_python and _pythons(self.requires_python) != _pythons(spec.requires_python):
            moved.append("`requires-python`")
        return list(dict.fromkeys(moved))

    def differences(self, lock: Lock) -> dict[str, tuple[str, str]]:
        """Return the versions of each package that differs: here and in another lock, nothing where it has none."""
        found: dict[str, tuple[str, str]] = {}
        elsewhere = {row["name"] for row in self.rows if "registry" not in row["source"]}
        for target in targets_of(lock.base, lock.platforms):
            here, platform = self._versions(target), target.platform
            there = {package.name: package.version for package in lock.packages if platform in package.platforms}
            for name in sorted((here.keys() | there.keys()) - elsewhere):
                if here.get(name) != there.get(name):
                    found[name] = (here.get(name, ""), there.get(name, ""))
        return found

    def _versions(self, target: Target) -> dict[str, str]:
        from onedigest.lock.wheels import walk

        root = {"name": asked_project.NAME, "version": "", "dependencies": list(self._roots())}
        rows = {(row["name"], row["version"]): row for row in (root, *self.rows)}
        return dict(walk(rows, target).edges.keys())

    def _roots(self) -> Iterator[Row]:
        """Yield the edges from the script, each to one version: uv states none of requirements."""
        for each in self.requirements:
            for row in self.rows:
                if row["name"] != each["name"] or not _fits(each, row):
                    continue
                markers = [each["marker"]] if each.get("marker") else []
                markers += [" or ".join(f"({fork})" for fork in row["forks"])] if row["forks"] else []
                marker = " and ".join(f"({text})" for text in markers)
                yield {
                    "name": row["name"],
                    "version": row["version"],
                    "extra": each.get("extras", ()),
                    **({"marker": marker} if marker else {}),
                }


def read_script_lock(text: str, place: str) -> ScriptLock:
    """Read the lock that uv wrote beside a script. Raises `InputError` for one that cannot be used."""
    if problems := merge_conflicts.problems(text, place):
        raise InputError(problems)
    try:
        return _read(untrusted.load_toml(text, untrusted.MOST_LOCK), place)
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(f"not valid TOML: {error}", where=place) from None
    except ValueError as error:
        raise InputError.of(f"cannot be read as a lock of uv: {error}", where=place) from None


def _read(document: Mapping[str, Any], place: str) -> ScriptLock:
    version = document.get("version")
    if version is True or version != FORMAT:
        raise ValueError(f"its version is {untrusted.quoted(str(version))}, and {FORMAT} is known")
    manifest = untrusted.table(document.get("manifest", {}))
    return ScriptLock(
        place=place,
        rows=tuple(map(_row, untrusted.array(document.get("package", [])))),
        requirements=tuple(map(_requirement, untrusted.array(manifest.get("requirements", [])))),
        constraints=tuple(map(_requirement, untrusted.array(manifest.get("constraints", [])))),
        requires_python=normalized_specifier(untrusted.line(document.get("requires-python", ""))),
    )


def _row(value: Any) -> Row:
    row = untrusted.table(value)
    source = untrusted.table(row.get("source"))
    from_index = "registry" in source
    optional = untrusted.table(row.get("optional-dependencies", {}))
    name = untrusted.normalized_name(row.get("name"))
    if name == asked_project.NAME:
        raise ValueError(f"a package is called {name}, which no script depends on")
    return {
        "name": name,
        "version": str(Version(untrusted.version(row.get("version")))) if from_index or "version" in row else "",
        "source": {"registry": ""} if from_index else {},
        "dependencies": _edges(row.get("dependencies", [])),
        "optional-dependencies": {extra: _edges(each) for extra, each in optional.items()},
        "wheels": [_wheel(each) for each in untrusted.array(row.get("wheels", []))] if from_index else [],
        "forks": [_marker(each) for each in untrusted.array(row.get("resolution-markers", []))[:_MOST_FORKS]],
    }


def _wheel(value: Any) -> tuple[str, str]:
    """Return name and stated digest of a file."""
    row = untrusted.table(value)
    stated: Row = {key: untrusted.line(row[key]) for key in ("url", "path", "filename", "hash") if key in row}
    return wheel_name(stated), stated_digest(stated)


def _edges(value: Any) -> list[Row]:
    found: list[Row] = []
    for each in map(untrusted.table, untrusted.array(value)):
        untrusted.normalized_name(each.get("name"))
        found.append({**each, "extra": untrusted.array(each.get("extra", []))})
        if "marker" in each:
            _marker(each["marker"])
    return found


def _marker(value: Any) -> str:
    if not is_marker(value):
        raise ValueError("a marker is none")
    return str(value)


def _requirement(value: Any) -> Row:
    row = untrusted.table(value)
    untrusted.normalized_name(row.get("name"))
    if "marker" in row:
        _marker(row["marker"])
    for extra in untrusted.array(row.get("extras", [])):
        untrusted.project_name(extra)
    specifier = normalized_specifier(untrusted.line(row.get("specifier", "")))
    return {**row, "specifier": "" if _is_elsewhere(row) else specifier}


def _is_elsewhere(row: Row) -> bool:
    return any(key in row for key in _ELSEWHERE)


def _fits(requirement: Row, row: Row) -> bool:
    if "registry" not in row["source"]:
        return True
    return SpecifierSet(requirement["specifier"]).contains(row["version"], prereleases=True)


def _samples(spec: Spec) -> list[Target]:
    """Return environments of each kind that an image of a script may have, for markers."""
    wanted = SpecifierSet(spec.requires_python)
    versions = (f"3.{minor}.9" for minor in _MINORS)
    return [
        Target(platform, version, "2.41")
        for platform in spec.platforms
        for version in versions
        if wanted.contains(version)
    ] or [Target(platform, "3.13.5", "2.41") for platform in spec.platforms]


def _stated(rows: Iterable[Row], target: Target) -> _Needed:
    return frozenset(
        (row["name"], frozenset(map(canonicalize_name, row.get("extras", ()))), row["specifier"])
        for row in rows
        if _holds(row.get("marker"), target)
    )


def _asked(texts: Any, rows: Iterable[Row], target: Target) -> _Needed:
    """Return what a script asks for in an environment, as a lock states that; where it comes from is left out."""
    elsewhere = {row["name"] for row in rows if _is_elsewhere(row)}
    found = set()
    for text in texts if isinstance(texts, list | tuple) else ():
        try:
            each = requirement(str(text))
        except ValueError:
            continue  # uv says what is wrong with it
        if each.marker is None or _holds(str(each.marker), target):
            name = canonicalize_name(each.name)
            specifier = "" if name in elsewhere or each.url else str(each.specifier)
            found.add((name, frozenset(map(canonicalize_name, each.extras)), specifier))
    return frozenset(found)


def _holds(marker: str | None, target: Target) -> bool:
    return marker is None or Marker(marker).evaluate(target.marker_values)


def _pythons(specifier: str) -> frozenset[str]:
    """Return the Pythons that satisfy a specifier: uv writes one in another way than its author."""
    wanted = SpecifierSet(specifier)
    versions = (f"3.{minor}.{micro}" for minor in _MINORS for micro in _MICROS)
    return frozenset(version for version in versions if wanted.contains(version))


def described(differences: Mapping[str, tuple[str, str]]) -> str:
    """Say which versions differ, those of uv's lock first."""
    said = [f"{name} {here or '(none)'} (not {there or 'any'})" for name, (here, there) in sorted(differences.items())]
    left = len(said) - _MOST_NAMED
    return ", ".join([*said[:_MOST_NAMED], *([f"and {left} more"] if left > 0 else [])])


def disagreement(differences: Mapping[str, tuple[str, str]], place: str, script: str, folder: str) -> Problem:
    """Return what is to be said where a lock and uv's lock of the same script differ."""
    return Problem(
        f"pins other versions than {folder} has: {described(differences)}",
        place,
        f"to take those of uv, delete the folder {folder} and run `{generating(script)}`;"
        f" to have uv choose anew, run `{lock_command(script)} --upgrade`",
    )


def lock_command(script: str) -> str:
    """Return the command by which uv locks a script."""
    return f"uv lock --script {shlex.quote(script)}"
