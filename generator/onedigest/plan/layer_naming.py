"""The names of layers, from which engines make names of files, stages and derivations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onedigest.platforms import Platform

_NAMED = 3
"""How many wheels or packages of a layer its name tells."""

_LONGEST = 100


def native(text: str, platform: Platform) -> str:
    """Return the name of a layer that one architecture alone has."""
    return f"{plain(text)}-{platform.architecture}"


def plain(text: str) -> str:
    """Return a name of letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)[:_LONGEST].strip("-.")


def several(names: Sequence[str]) -> str:
    """Return one name for several: the first ones, and how many more there are."""
    rest = len(names) - _NAMED
    return "-".join(names[:_NAMED]) + (f"-and-{rest}-more" if rest > 0 else "")


def listed(names: Sequence[str]) -> str:
    """Return the first of several names for a reader, and how many more there are."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
