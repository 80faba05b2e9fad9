"""A lock that follows the code of local projects: their wheels move, and no other while they need the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from packaging.utils import parse_wheel_filename

from onedigest import __version__
from onedigest.definition.spec import Spec
from onedigest.from_source.model import BuiltWheel
from onedigest.lock.author import Author
from onedigest.lock.built_wheels import built_of, with_wheel
from onedigest.lock.model import Lock, LockedPackage, keep_release
from onedigest.lock.source_builder import EarlierBuilds, SourceBuilder
from onedigest.lock.wheel_metadata import of_file
from onedigest.sources import Sources
from onedigest.store import Store


def refresh(spec: Spec, lock: Lock, sources: Sources, *, folder: Path, author: Author) -> Lock | None:
    """Return a lock, which answers a spec but for the code of local projects, with their wheels as they are now.

    None where one of them is another version or needs something else, so that uv has to choose again. `folder` is the
    script's. Raises `InputError` for what cannot be built.
    """
    builder = SourceBuilder(spec, folder, sources, EarlierBuilds(lock=lock), author)
    requested = builder.prepare(lock.base.python_minor)
    known = {package.name: package for package in lock.packages if package.origin}
    made = {_name(built): built for built in builder.built.values()}
    left = known.keys() - made.keys() - requested.build
    if requested.added or left or not made.keys() <= known.keys():
        return None
    if not all(_is_alike(known[name], built, sources.store) for name, built in made.items()):
        return None
    packages = tuple(
        with_wheel(package, made[package.name]) if package.name in made else package for package in lock.packages
    )
    return keep_release(replace(lock, packages=packages, version=__version__), lock)


def _name(built: BuiltWheel) -> str:
    return parse_wheel_filename(built.wheel.name)[0]


def _is_alike(package: LockedPackage, built: BuiltWheel, store: Store) -> bool:
    """Tell whether a wheel has the name of the one that a lock has, and says the same of what it needs."""
    before = built_of(package)
    if before is None or before.wheel.name != built.wheel.name or before.origin.kind is not built.origin.kind:
        return False
    if not store.has(before.wheel.digest):
        return False
    return of_file(store.path(before.wheel.digest)) == of_file(store.path(built.wheel.digest))
