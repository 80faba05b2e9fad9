"""The check that local files which a script takes packages from are those that its lock pins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onedigest.definition.spec import Spec
from onedigest.digest import of_file
from onedigest.from_source.model import Kind, Source
from onedigest.lock import asked_project
from onedigest.lock.model import Lock


def is_of_files(spec: Spec, lock: Lock, folder: Path) -> bool:
    """Tell whether each wheel of this machine that a script names is the one that is pinned.

    `folder` is the script's. Whoever takes packages from a folder of wheels looks into it anew, so that is never told.
    """
    requested = asked_project.read_requested(spec, asked_project.read_surroundings(spec, folder))
    if any(map(_is_local, _places(requested.settings))):
        return False
    pinned = {wheel.name: wheel.digest for wheel in lock.wheels()}
    return all(_is_pinned(Path(path), pinned) for path in requested.files) and all(
        _is_built(source, lock)
        for source, _ in requested.sources
        if source.kind is Kind.ARCHIVE and _is_local(source.place)
    )


def _is_built(source: Source, lock: Lock) -> bool:
    """Tell whether an archive of this machine is the one that a wheel was built of, or nothing is built of it."""
    digests = {each.origin.digest for each in lock.packages if each.name == source.name and each.origin}
    return not digests or of_file(Path(source.place)) in digests


def _is_pinned(path: Path, pinned: Mapping[str, str]) -> bool:
    return path.name in pinned and path.is_file() and of_file(path) == pinned[path.name]


def _places(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses of indexes and folders that settings of uv name."""
    for key in ("index-url", "extra-index-url", "find-links"):
        named = settings.get(key, ())
        yield from (named,) if isinstance(named, str) else named
    for index in settings.get("index", ()):
        yield index["url"]


def _is_local(place: str) -> bool:
    return "://" not in place or place.startswith("file:")
