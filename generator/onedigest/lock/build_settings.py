"""The settings in [tool.uv] for one build, and for the indexes that have what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.digest import canonical_json
from onedigest.lock.uv_keys import OF_INDEXES


def build_settings(settings: Mapping[str, Any], name: str) -> str:
    """Return what the keys of [tool.uv] on builds say of one project, as canonical JSON."""
    own = _of_project(settings.get("config-settings-package"), name)
    found = {
        "config-settings": {**settings.get("config-settings", {}), **(own if isinstance(own, dict) else {})},
        "variables": _of_project(settings.get("extra-build-variables"), name),
        "dependencies": _of_project(settings.get("extra-build-dependencies"), name),
        "constraints": settings.get("build-constraint-dependencies"),
        **{key: settings[key] for key in OF_INDEXES if key in settings},
    }
    return canonical_json({key: item for key, item in found.items() if item}).decode()


def indexes_of(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return what settings say of indexes, with paths from a folder made absolute."""

    def located(text: str) -> str:
        return text if "://" in text else str(folder / text)

    found: dict[str, Any] = {}
    if "index-url" in settings:
        found["index-url"] = located(settings["index-url"])
    for key in ("extra-index-url", "find-links"):
        if key in settings:
            found[key] = list(map(located, settings[key]))
    if "index" in settings:
        found["index"] = [{**each, "url": located(each["url"])} for each in settings["index"]]
    return found


def _of_project(table: Any, name: str) -> Any:
    return next((each for key, each in (table or {}).items() if canonicalize_name(key) == name), None)
