"""The findings that wheels of a lock can have, and the text that each is cached as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from onedigest.digest import canonical_json

Key: TypeAlias = tuple[str, str]
"""Name and version of a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFiles:
    """Files that several packages bring with different content: an image has those of `winner`.

    `paths` are the first of them, from the root of the image without its slash, and `count` is how many there are.
    """

    packages: tuple[Key, ...]
    winner: Key
    paths: tuple[str, ...]
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelFindings:
    """What was found of wheels: why no image can be made of some, what is odd about others, and what they share.

    Each reason stands beside the packages that it is about.
    """

    unfit: tuple[tuple[tuple[Key, ...], str], ...] = ()
    odd: tuple[tuple[Key, str], ...] = ()
    shared: tuple[SharedFiles, ...] = ()


def dumps(found: WheelFindings) -> bytes:
    """Return what is cached of wheels that images can be made of."""
    shared = [[each.packages, each.winner, each.paths, each.count] for each in found.shared]
    return canonical_json({"odd": found.odd, "shared": shared})


def loads(text: bytes) -> WheelFindings:
    """Read a note. Raises ValueError, TypeError or KeyError for one that is none."""
    cached: Mapping[str, Any] = json.loads(text)
    return WheelFindings(
        odd=tuple((_key(key), str(said)) for key, said in cached["odd"]),
        shared=tuple(
            SharedFiles(
                packages=tuple(map(_key, packages)), winner=_key(winner), paths=tuple(map(str, paths)), count=int(count)
            )
            for packages, winner, paths, count in cached["shared"]
        ),
    )


def _key(cached: Any) -> Key:
    name, version = cached
    return str(name), str(version)
