"""The places that a project's wheels are fetched from: addresses in its uv.lock, or where uv finds them now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.definition.spec import Spec
from onedigest.lock import asked_project, uv_keys
from onedigest.lock.model import Lock
from onedigest.lock.package_sources import PackageSources
from onedigest.lock.project_pins import indexed_names, is_indexed, pinned_names, read_pinned, stated_places
from onedigest.lock.uv_lock_values import check_rows
from onedigest.sources import Sources
from onedigest.tools import uv
from onedigest.tools.uv_rows import WheelAddress, places_of

Find = Callable[[], Mapping[str, WheelAddress]]
"""Returns where wheels are, by their file names."""

_INDEXES = ("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL", "UV_NO_INDEX", "UV_FIND_LINKS")
"""Variables by which a user says that packages are elsewhere."""


def ways_to_wheels(spec: Spec, lock: Lock, sources: Sources, folder: Path) -> tuple[Find, Find]:
    """Return where the wheels of a project may be, the likelier place first; `folder` is the project's."""
    pinned = cache(partial(read_pinned, spec, folder))  # for both ways, and only where one of them is taken

    def stated() -> Mapping[str, WheelAddress]:
        return stated_places(pinned())

    def asked() -> Mapping[str, WheelAddress]:
        others = stated_places(pinned(), lambda row: not is_indexed(row))
        found = {package.name for package in lock.packages} - pinned_names(pinned())
        return {**others, **_asked_places(spec, lock, sources, folder, indexed_names(pinned()) | found)}

    elsewhere = any(sources.environment.get(name) for name in _INDEXES)
    return (asked, stated) if elsewhere else (stated, asked)


def _asked_places(
    spec: Spec, lock: Lock, sources: Sources, folder: Path, names: frozenset[str]
) -> Mapping[str, WheelAddress]:
    """Ask uv for exactly the versions that a lock pins of some packages; each says that it depends on nothing."""
    pins = tuple(package for package in lock.packages if package.origin is None and package.name in names)
    taken, _ = uv_keys.take(json.loads(spec.uv), lambda _: spec.script, spec.build)
    places = PackageSources(asked_project.read_surroundings(spec, folder))
    settings: dict[str, Any] = places.of_settings(taken, names)
    places.refuse()
    settings.pop("override-dependencies", None)
    settings["dependency-metadata"] = [{"name": name} for name in sorted(names)]
    direct: dict[str, str] = {
        canonicalize_name(text.partition(" @ ")[0].partition("[")[0]): text
        for text in spec.dependencies
        if " @ " in text
    }
    asked = tuple(
        places.requirement(direct[each.name]) if each.name in direct else asked_project.pin(each) for each in pins
    )
    requested = asked_project.RequestedPackages(dependencies=asked, settings=settings, files=frozenset(places.files))
    found = uv.lock(
        asked_project.project_text(spec, requested, lock.base.python_minor),
        asked_project.preferences_text(spec, lock.base.python_minor, pins),
        store=sources.store,
        where=spec.script,
        environment=sources.environment,
        offline=sources.offline,
    )
    check_rows(found, requested.files, spec.script)
    return places_of(found)
