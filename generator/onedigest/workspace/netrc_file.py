"""The part of a user's netrc that uv gets: the hosts that it names, without `default`, which is for any host."""

from __future__ import annotations

import netrc
import os
from functools import cache
from pathlib import Path


@cache
def without_default(path: Path) -> str:
    """Return the path of a netrc that names hosts alone: the file itself, or a copy that has no name on any disk."""
    try:
        found = netrc.netrc(str(path))
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return str(path)
    if "default" not in found.hosts:
        return str(path)
    if not hasattr(os, "memfd_create"):
        return os.devnull
    del found.hosts["default"]
    handle = os.memfd_create("netrc")
    os.write(handle, str(found).encode())
    return f"/proc/{os.getpid()}/fd/{handle}"
