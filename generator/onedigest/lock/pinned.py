"""Knows how uv is asked for exactly what a lock pins, of which some wheels were built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from onedigest.from_source.model import Source
from onedigest.inputs.store import Store
from onedigest.lock import shadow
from onedigest.lock.built import built_of, file_address, placed
from onedigest.lock.environments import Environments
from onedigest.lock.model import Lock, Package
from onedigest.lock.shadow import Wanted
from onedigest.lock.walk import without_unneeded
from onedigest.spec import Spec


def pinned_wanted(spec: Spec, lock: Lock, store: Store, *, folder: Path) -> Wanted:
    """Return what uv is asked for, with the wheels that were built, as far as the store has them, and what they need.

    `folder` is the script's.
    """
    around = shadow.read_around(spec, folder)
    wheels: dict[str, Path] = {}
    for package in lock.packages:
        built = built_of(package)
        if built and store.has(built.wheel.digest):
            wheels.setdefault(package.name, placed(store, built.wheel))
    first = shadow.read_wanted(spec, around)
    known: dict[Source, Path] = {source: wheels[source.name] for source, _ in first.sources if source.name in wheels}
    wanted = shadow.read_wanted(spec, replace(around, wheels=known))
    if wanted.sources:
        wanted = without_unneeded(wanted, Environments(lock.platforms, lock.base.python_minor))
    rows = [_row(package, lock) for package in lock.packages if package.origin]
    if not rows:
        return wanted
    settings = dict(wanted.settings)
    own = settings.get("constraint-dependencies", [])
    settings["constraint-dependencies"] = [*own, *(f"{name} @ {file_address(wheels[name])}" for name in sorted(wheels))]
    named = {row["name"] for row in rows}
    others = [row for row in settings.get("dependency-metadata", []) if row["name"] not in named]
    settings["dependency-metadata"] = [*others, *rows]
    return replace(
        wanted,
        settings=settings,
        files=wanted.files | {str(path.resolve()) for path in wheels.values()},
        build=wanted.build - wheels.keys(),
    )


def _row(package: Package, lock: Lock) -> dict[str, Any]:
    return {"name": package.name, "version": package.version, "requires-dist": list(_requires(package, lock))}


def _requires(package: Package, lock: Lock) -> Iterator[str]:
    """Yield what a package needs by its lock, each version on the platforms that have it."""
    platforms = {each.key: each.platforms for each in lock.packages}
    for name, version in package.dependencies:
        yield f"{name}=={version} ; {shadow.marker(platforms[name, version])}"
