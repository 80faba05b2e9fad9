"""The sources that built wheels require in turn, by the places that their own projects name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from onedigest import untrusted
from onedigest.errors import InputError, Problem
from onedigest.from_source.model import Kind, Source
from onedigest.lock.addresses import file_address
from onedigest.lock.asked_project import RequestedPackages
from onedigest.lock.empty_index import empty_place, names_of
from onedigest.lock.environments import ImageEnvironments
from onedigest.lock.package_sources import PackageSource, PackageSources
from onedigest.lock.repository import DeclaredPlaces
from onedigest.lock.wheel_metadata import Metadata


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelMaking:
    """What a walk needs of whoever builds: the metadata and the file of a wheel, and what its project declares.

    `copy_of` gives the commit of a source of git and the folder that a copy of its projects is in, else nothing.
    """

    make: Callable[[Source], Metadata]
    path_of: Callable[[Source], Path]
    declared: Callable[[Source], DeclaredPlaces]
    copy_of: Callable[[Source], tuple[str, Path] | None]


class SourceClosure:
    """Follows requirements from one built wheel to the next."""

    def __init__(self, making: WheelMaking, places: PackageSources, environments: ImageEnvironments) -> None:
        self._making = making
        self._places = places
        self._environments = environments
        self._waiting: list[tuple[Source, tuple[str, ...]]] = []
        self._done: dict[Source, set[str]] = {}
        self._needs: dict[str, list[tuple[Requirement, PackageSource]]] = {}
        self._indexes: dict[str, Mapping[str, Any]] = {}
        self._idle: set[str] = set()

    def follow(self, requested: RequestedPackages) -> None:
        """Build all that is needed. Raises `InputError` with all that cannot be built."""
        self._waiting += _roots(requested, self._environments)
        problems: list[Problem] = []
        while self._waiting:
            source, extras = self._waiting.pop(0)
            new = set(extras) - self._done.setdefault(source, set())
            self._done[source] |= new
            if new:
                try:
                    self._follow(source, sorted(new))
                except InputError as error:
                    problems += error.problems
        try:
            self._places.refuse()
        except InputError as error:
            problems += error.problems
        if problems:
            raise InputError(dict.fromkeys(problems))

    def _follow(self, source: Source, extras: Sequence[str]) -> None:
        metadata = self._making.make(source)
        declared = self._making.declared(source)
        for requirement in requirements_of(metadata):
            name = canonicalize_name(requirement.name)
            if not self._environments.hold(requirement.marker, extras):
                if name in declared.sources:
                    self._idle.add(name)
                continue
            for need in self._needs_of(requirement, name, declared, source):
                if not self._environments.hold(need.marker, extras):
                    continue
                self._needs.setdefault(name, []).append((requirement, need))
                if need.index:
                    named = {str(row.get("name")): row for row in declared.indexes[::-1]}
                    if need.index not in named:
                        message = (
                            f"`{source.name}` takes `{name}` from the index `{need.index}`, which it does not have"
                        )
                        raise InputError.of(message, where=source.where)
                    self._indexes |= named
                if need.source:
                    self._waiting.append((need.source, ("", *map(canonicalize_name, requirement.extras))))

    def _needs_of(
        self, requirement: Requirement, name: str, declared: DeclaredPlaces, source: Source
    ) -> Iterator[PackageSource]:
        if name in declared.sources:
            value, base = declared.sources[name]
            copy = self._making.copy_of(source)
            if copy is None:
                yield from self._places.needs(name, value, base)
            else:
                yield from self._needs_in_git(name, value, base, source, copy)
        elif requirement.url:
            yield self._places.at_address(name, requirement.url, Path(source.place))

    def _needs_in_git(
        self, name: str, value: Any, base: Path, source: Source, copy: tuple[str, Path]
    ) -> Iterator[PackageSource]:
        """Yield the places that a project of a commit names: a folder is one of the same commit."""
        commit, folder = copy
        for need in self._places.needs(name, value, base, folder):
            if need.source and need.source.kind is Kind.DIRECTORY:
                inner = os.path.relpath(Path(need.source.place).resolve(), folder.resolve())
                found = self._places.in_git(need.source, source, commit, "" if inner == "." else inner)
                yield replace(need, source=found.source, address=found.address)
            else:
                yield need

    def with_wheels(self, requested: RequestedPackages) -> RequestedPackages:
        """Return what uv is asked for, with wheels in the place of all that is only found by a source."""
        requested = without_unneeded(requested, self._environments)
        settings = dict(requested.settings)
        constraints: list[str] = []
        added: dict[str, tuple[str, str]] = {}
        for name, several in sorted(self._needs.items()):
            for requirement, need in several:
                if need.index:
                    added.setdefault(name, (_plain(requirement, need.marker), need.index))
                else:
                    marker = f" ; {need.marker}" if need.marker else ""
                    constraints.append(f"{name} @ {self._address(need)}{marker}")
        named = names_of(requested.dependencies)
        idle = sorted(self._idle - self._needs.keys() - named)
        constraints += [f"{name} @ {file_address(empty_place(name))}" for name in idle]
        own = settings.get("constraint-dependencies", [])
        settings["constraint-dependencies"] = list(dict.fromkeys([*own, *constraints]))
        if rows := [*settings.get("dependency-metadata", []), *self._lowered()]:
            settings["dependency-metadata"] = rows
        files = {str(self._making.path_of(source).resolve()) for source in self._done}
        lowered = replace(
            requested,
            settings=settings,
            files=requested.files | files | self._places.files,
            build=requested.build - {source.name for source in self._done},
        )
        return with_indexes(lowered, added, self._indexes)

    def _address(self, need: PackageSource) -> str:
        return need.address if need.source is None else file_address(self._making.path_of(need.source))

    def _lowered(self) -> Iterator[dict[str, Any]]:
        """Yield what wheels say of themselves that name places: uv would follow those."""
        for source in self._done:
            metadata = self._making.make(source)
            requirements = list(requirements_of(metadata))
            if any(each.url for each in requirements):
                for each in requirements:
                    self._lower(each)
                version = self._making.path_of(source).name.split("-")[1]
                yield stated_row(metadata, source.name, version, list(map(str, requirements)))

    def _lower(self, requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        if requirement.url:
            found = [need for stated, need in self._needs.get(name, []) if str(stated) == str(requirement)]
            requirement.url = self._address(found[0]) if found else file_address(empty_place(name))


def with_indexes(
    requested: RequestedPackages, added: Mapping[str, tuple[str, str]], indexes: Mapping[str, Mapping[str, Any]]
) -> RequestedPackages:
    """Return what uv is asked for, with requirements of projects that have an index of their own.

    `added` has requirement and index by name: uv heeds the index of what a script requires itself, and of nothing else.
    """
    if not added:
        return requested
    settings = dict(requested.settings)
    settings["sources"] = {
        **{name: {"index": index} for name, (_, index) in added.items()},
        **settings.get("sources", {}),
    }
    known = {row.get("name") for row in settings.get("index", [])}
    others = sorted({index for _, index in added.values() if index in indexes} - known)
    more = [{**indexes[name], "explicit": True, "default": False} for name in others]
    settings["index"] = [*settings.get("index", []), *more]
    return replace(
        requested,
        dependencies=(*requested.dependencies, *(text for text, _ in added.values())),
        settings=settings,
        added=frozenset(added) - names_of(requested.dependencies),
    )


def without_unneeded(requested: RequestedPackages, environments: ImageEnvironments) -> RequestedPackages:
    """Return what uv is asked for without what no platform needs and nothing was built of: uv would look for it."""

    def is_needed(name: str, row: Mapping[str, Any]) -> bool:
        known = canonicalize_name(name)
        built = row.get("path") != str(empty_place(known))
        return built or (known in needed and environments.hold(row.get("marker")))

    unbuilt = {source.name for source, _ in requested.sources}
    dependencies, needed = [], set()
    for text in requested.dependencies:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name not in unbuilt or environments.hold(requirement.marker):
            dependencies.append(text)
            needed.add(name)
    sources: dict[str, Any] = {}
    for name, value in requested.settings.get("sources", {}).items():
        left = [row for row in (value if isinstance(value, list) else [value]) if is_needed(name, row)]
        sources |= {name: left if isinstance(value, list) else left[0]} if left else {}
    settings = {**requested.settings, **({"sources": sources} if "sources" in requested.settings else {})}
    return replace(requested, dependencies=tuple(dependencies), settings=settings)


def requirements_of(metadata: Metadata) -> Iterator[Requirement]:
    """Yield what a wheel requires, as far as it can be read."""
    for text in metadata.get("requires-dist", ()):
        try:
            yield Requirement(text)
        except (InvalidRequirement, RecursionError):
            continue  # uv says what is wrong with it


def stated_row(metadata: Metadata, name: str, version: str, requires: Sequence[str]) -> dict[str, Any]:
    """Return what a wheel says of itself as uv is told it (`dependency-metadata`): what cannot be read is left out."""
    row: dict[str, Any] = {"name": name, "version": version, "requires-dist": list(requires)}
    for python in metadata.get("requires-python", ())[:1]:
        with suppress(InvalidSpecifier):
            row["requires-python"] = str(SpecifierSet(python))
    extras = [extra for extra in metadata.get("provides-extra", ()) if _is_name(extra)]
    return {**row, "provides-extra": extras} if extras else row


def _is_name(text: str) -> bool:
    try:
        return bool(untrusted.project_name(text))
    except ValueError:
        return False


def _roots(requested: RequestedPackages, environments: ImageEnvironments) -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Yield the sources that a script names and its platforms need, each with the extras that it asks for."""
    extras: dict[str, set[str]] = {}
    settings = requested.settings
    others = [*settings.get("override-dependencies", ()), *settings.get("constraint-dependencies", ())]
    named = [text for each in others for text in (each["dependencies"] if isinstance(each, dict) else [each])]
    for requirement in map(Requirement, [*requested.dependencies, *named]):
        if environments.hold(requirement.marker):
            found = extras.setdefault(canonicalize_name(requirement.name), {""})
            found.update(map(canonicalize_name, requirement.extras))
    for source, marker in sorted(requested.sources, key=lambda pair: pair[0].name):
        if source.name in extras and environments.hold(marker):
            yield source, tuple(sorted(extras[source.name]))


def _plain(requirement: Requirement, marker: str) -> str:
    """Return a requirement of a project as one of the script: its extra is asked for, so it does not count."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}" + (f" ; {marker}" if marker else "")
