"""The markers of uv.lock, and when they hold: by a platform's eleven values, and by extras and groups in conflict."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker

from onedigest.errors import InputError

LONGEST_MARKER = 20_000

_CONFLICT = re.compile(r"extra\s*(==|!=)\s*(['\"])((?:extra|group)-\d{1,4}-[^'\"]+|project-\d{1,4}-[^'\"]+)\2")
"""How uv writes that an extra, a group or a project which excludes another one is asked for."""


def conflict_extra(package: str, extra: str) -> str:
    """Return the name that uv has for an extra of a package in markers."""
    return f"extra-{len(package)}-{package}-{extra}"


def conflict_group(package: str, group: str) -> str:
    """Return the name that uv has for a group of a package in markers."""
    return f"group-{len(package)}-{package}-{group}"


def conflict_project(package: str) -> str:
    """Return the name that uv has for a package as a whole in markers."""
    return f"project-{len(package)}-{package}"


def holds(marker: str, values: Mapping[str, str], active: Collection[str], where: str) -> bool:
    """Tell whether a marker of a uv.lock holds; `active` are the names of extras and groups that are asked for.

    Raises `InputError` for what is no marker.
    """
    if not marker:
        return True

    def decided(match: re.Match[str]) -> str:
        is_true = (match[3] in active) == (match[1] == "==")
        return "os_name == 'posix'" if is_true else "os_name != 'posix'"

    try:
        return _parsed(_CONFLICT.sub(decided, marker)).evaluate({**values, "extra": ""})
    except (InvalidMarker, RecursionError):
        raise InputError.of(f"a marker of it is none: {marker[:200]!r}", where=where, hint="run `uv lock`") from None


@lru_cache(4096)
def _parsed(text: str) -> Marker:
    return Marker(text)
