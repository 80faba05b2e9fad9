"""The parts that an image takes of projects of uv, as values: its own project, or others with a uv.lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectSettings:
    """What a spec has otherwise where it is of a project, and of no script: no file of it is the script's.

    `entrypoint` is the one that follows from the project, given whether `files` or `copy` bring any of its files.
    """

    name: str
    uv_lock: str
    entrypoint: Callable[[bool], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectParts:
    """What an image takes of a project with a uv.lock, whose versions and files stand.

    `folder` is that of its pyproject.toml, and `lock` its uv.lock, both as paths from the script's folder. `pins` is
    the digest of what is pinned, and `roots` are the names of what is asked for. `left_out` is not installed, though
    what it needs is. With `only_groups` nothing but groups is asked for.
    """

    folder: str
    lock: str
    pins: str
    roots: tuple[str, ...]
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    only_groups: bool = False
    left_out: tuple[str, ...] = ()

    def written(self) -> dict[str, Any]:
        """Return it as texts of specs have it, without what is empty."""
        found = {
            "folder": self.folder,
            "lock": self.lock,
            "pins": self.pins,
            "roots": list(self.roots),
            "extras": list(self.extras),
            "groups": list(self.groups),
            "only-groups": self.only_groups,
            "left-out": list(self.left_out),
        }
        return {key: value for key, value in found.items() if value}
