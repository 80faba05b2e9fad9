"""The wheels of a lock that were built: where uv and others find them, and whether their sources moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from onedigest.checkout import make_folder
from onedigest.definition.spec import Spec
from onedigest.digest import hex_of
from onedigest.errors import Problem
from onedigest.from_source import wheel_source
from onedigest.from_source.model import BuiltFrom, BuiltWheel, Kind, PinnedFile, Source
from onedigest.lock.asked_project import read_surroundings
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.sources import Sources
from onedigest.store import Store

_WHEELS = "wheels"


def named_path(store: Store, wheel: PinnedFile) -> Path:
    """Return a path of a wheel of the store that ends in its file name, as uv wants it."""
    folder = f"{_WHEELS}/{hex_of(wheel.digest)}"
    make_folder(store.root, folder)
    path = store.root / folder / wheel.name
    store.place(wheel.digest, wheel.size, path)
    return path


def built_of(package: LockedPackage) -> BuiltWheel | None:
    """Return the wheel of a package that was built, and what it was built of."""
    if package.origin is None or not package.wheels:
        return None
    wheel = package.wheels[0][1]
    return BuiltWheel(wheel=PinnedFile(name=wheel.name, digest=wheel.digest, size=wheel.size), origin=package.origin)


def with_wheel(package: LockedPackage, built: BuiltWheel) -> LockedPackage:
    """Return a package with a wheel that was built, whose name uv writes in a form of its own."""
    wheel = Wheel(name=built.wheel.name, digest=built.wheel.digest, size=built.wheel.size)
    wheels = tuple((platform, wheel) for platform in package.platforms)
    return replace(package, wheels=wheels, origin=built.origin)


def moved_projects(spec: Spec, lock: Lock, sources: Sources, *, folder: Path) -> list[str]:
    """Return the names of local projects whose code is not what a lock was made of; `folder` is the script's."""
    surroundings = read_surroundings(spec, folder)
    moved = []
    for package in lock.packages:
        built = built_of(package)
        if built is None or built.origin.kind is not Kind.DIRECTORY:
            continue
        source = Source(
            name=package.name,
            kind=Kind.DIRECTORY,
            place=str(surroundings.folder / built.origin.path),
            stated=built.origin.path,
            where=spec.script,
            subdirectory=built.origin.subdirectory,
            settings=surroundings.settings_of(package.name),
        )
        if not is_same_source(wheel_source.identify(source, built, sources, root=surroundings.root), built.origin):
            moved.append(package.name)
    return moved


def is_same_source(one: BuiltFrom, other: BuiltFrom) -> bool:
    """Tell whether two wheels are of one source, whatever they were built with."""
    return replace(one, requires=()) == replace(other, requires=())


def say_built(source: Source, built: BuiltWheel, known: BuiltWheel | None) -> str:
    """Say of which source a wheel was built, and why where it was built before."""
    origin = built.origin
    if origin.kind is Kind.DIRECTORY:
        why = " (its code changed)" if known and known.origin.digest != origin.digest else ""
        return f"{source.name}: built from {origin.path}{why}"
    if origin.kind is Kind.GIT:
        return f"{source.name}: built from {origin.path} at {origin.commit[:12]}"
    return f"{source.name}: built from {origin.path}"


def moved_problems(lock: Lock, names: list[str], where: str, hint: str) -> Iterator[Problem]:
    """Yield what is wrong with a lock whose local projects moved."""
    paths = {package.name: package.origin.path for package in lock.packages if package.origin}
    for name in names:
        yield Problem(f"the code of `{name}` in {paths[name]} changed since it was locked", where, hint)
