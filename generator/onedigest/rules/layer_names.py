"""The distinct names of things that would otherwise share one."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain, count


def free_name(stem: str, taken: Collection[str]) -> str:
    """Return a name, with a number where it is taken."""
    numbered = (f"{stem}-{number}" for number in count(2))
    return next(name for name in chain([stem], numbered) if name not in taken)
