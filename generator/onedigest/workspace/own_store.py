"""The place of this user's content store, and of the key that its notes are sealed with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def home_of(variables: Mapping[str, str]) -> Path:
    """Return the folder of the user. Raises `RuntimeError` where none is known."""
    return Path(variables["HOME"]) if variables.get("HOME") else Path.home()


def store_path(variables: Mapping[str, str]) -> Path:
    """Return where the store is. Raises `RuntimeError` where no home folder is known."""
    cache = variables.get("XDG_CACHE_HOME") or str(home_of(variables) / ".cache")
    return Path(cache) / "onedigest"


def key_path(variables: Mapping[str, str]) -> Path | None:
    """Return where the key of this machine is: apart from the cache, which may have come from elsewhere."""
    with suppress(RuntimeError):
        state = variables.get("XDG_STATE_HOME") or str(home_of(variables) / ".local" / "state")
        return Path(state) / "onedigest" / "key"
    return None
