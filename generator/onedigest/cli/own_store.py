"""The place of this user's content store, and the key that its notes are sealed with."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onedigest.store import Store


def own_store() -> Store:
    """Return the user's content store. Raises `InputError` where no home folder is known."""
    from onedigest.errors import InputError
    from onedigest.store import Store

    try:
        return Store(store_path(), key_path())
    except RuntimeError:
        raise InputError.of("no home folder is known to keep files in", hint="set HOME or XDG_CACHE_HOME") from None


def store_path() -> Path:
    """Return where the store is. Raises `RuntimeError` where no home folder is known."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "onedigest"


def key_path() -> Path | None:
    """Return where the key of this machine is: apart from the cache, which may have come from elsewhere."""
    with suppress(RuntimeError):
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return Path(state) / "onedigest" / "key"
    return None
