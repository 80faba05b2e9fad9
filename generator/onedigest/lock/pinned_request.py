"""The request to uv for exactly what a lock pins, where some of its wheels were built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from onedigest.definition.spec import Spec
from onedigest.from_source.model import Kind, Source
from onedigest.lock import asked_project
from onedigest.lock.addresses import file_address
from onedigest.lock.asked_project import RequestedPackages
from onedigest.lock.built_wheels import built_of, named_path
from onedigest.lock.environments import ImageEnvironments
from onedigest.lock.model import Lock, LockedPackage
from onedigest.lock.package_sources import ScriptSurroundings
from onedigest.lock.repository import declared_by
from onedigest.lock.source_closure import with_indexes, without_unneeded
from onedigest.platforms import marker_of
from onedigest.store import Store


def pinned_requested(spec: Spec, lock: Lock, store: Store, *, folder: Path) -> RequestedPackages:
    """Return what uv is asked for, with the wheels that were built, as far as the store has them, and what they need.

    `folder` is the script's.
    """
    surroundings = asked_project.read_surroundings(spec, folder)
    wheels: dict[LockedPackage, Path] = {}
    for package in lock.packages:
        built = built_of(package)
        if built and store.has(built.wheel.digest):
            wheels[package] = named_path(store, built.wheel)
    first = asked_project.read_requested(spec, surroundings)
    known = {source: wheels[found] for source, _ in first.sources if (found := _package_of(source, wheels))}
    requested = asked_project.read_requested(spec, replace(surroundings, wheels=known))
    if requested.sources:
        requested = without_unneeded(requested, ImageEnvironments(lock.platforms, lock.base.python_minor))
    rows = [_row(package, lock) for package in lock.packages if package.origin]
    if not rows:
        return requested
    settings = dict(requested.settings)
    own = settings.get("constraint-dependencies", [])
    settings["constraint-dependencies"] = [*own, *(_constraint(*each, lock) for each in wheels.items())]
    named = {row["name"] for row in rows}
    others = [row for row in settings.get("dependency-metadata", []) if row["name"] not in named]
    settings["dependency-metadata"] = [*others, *rows]
    lowered = replace(
        requested,
        settings=settings,
        files=requested.files | {str(path.resolve()) for path in wheels.values()},
        build=requested.build - {package.name for package in wheels},
    )
    added, indexes = _indexes(lock, surroundings)
    return with_indexes(lowered, added, indexes)


def _indexes(lock: Lock, surroundings: ScriptSurroundings) -> tuple[dict[str, tuple[str, str]], dict[str, Any]]:
    """Return what local projects take from an index of their own, as `with_indexes` wants it."""
    added: dict[str, tuple[str, str]] = {}
    indexes: dict[str, Any] = {}
    for package in lock.packages:
        if package.origin is None or package.origin.kind is not Kind.DIRECTORY:
            continue
        declared = declared_by(
            surroundings.folder / package.origin.path / package.origin.subdirectory, surroundings.root
        )
        for name, version in package.dependencies:
            value, _ = declared.sources.get(name, ({}, None))
            rows = [row for row in (value if isinstance(value, list) else [value]) if "index" in row]
            for row in rows[:1]:
                added.setdefault(name, (f"{name}=={version}", row["index"]))
                indexes |= {str(each.get("name")): each for each in declared.indexes[::-1]}
    return added, indexes


def _package_of(source: Source, packages: Iterable[LockedPackage]) -> LockedPackage | None:
    """Return the package that was built of a source, by its place where several have its name."""
    alike = [package for package in packages if package.name == source.name]
    exact = [package for package in alike if package.origin and package.origin.path == source.stated]
    return next(iter([*exact, *alike]), None)


def _constraint(package: LockedPackage, path: Path, lock: Lock) -> str:
    everywhere = package.platforms == lock.platforms
    return f"{package.name} @ {file_address(path)}" + ("" if everywhere else f" ; {marker_of(package.platforms)}")


def _row(package: LockedPackage, lock: Lock) -> dict[str, Any]:
    return {"name": package.name, "version": package.version, "requires-dist": list(_requires(package, lock))}


def _requires(package: LockedPackage, lock: Lock) -> Iterator[str]:
    """Yield what a package needs by its lock, each version on the platforms that have it.

    A lock states no extras, so what a package of an index needs is named too: an extra may be what asks for it.
    """
    packages = {each.key: each for each in lock.packages}
    found = dict.fromkeys(package.dependencies)
    waiting = list(found)
    while waiting:
        needed = packages[waiting.pop()]
        name, version = needed.key
        yield f"{name}=={version} ; {marker_of(needed.platforms)}"
        further = [] if needed.origin else [key for key in needed.dependencies if key not in found]
        found |= dict.fromkeys(further)
        waiting += further
