"""Wheels that are built from source, as frozen values: what is asked for, and what a lock states of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onedigest import untrusted
from onedigest.digest import Digest, hex_of

NO_DIGEST = Digest("")
"""Where none is stated."""


def read_subdirectory(value: Any) -> str:
    """Return where a project is in its source, without what means nothing in a path. Raises ValueError."""
    kept = "/".join(part for part in untrusted.line(value).split("/") if part not in ("", "."))
    return untrusted.inner_path(kept) if kept else ""


class Kind(StrEnum):
    """What a source is."""

    DIRECTORY = "directory"
    GIT = "git"
    ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A source that a wheel is to be built of.

    `name` is the project's, normalized. `place` is an absolute path of this machine, or an address: that of a git
    repository is without `git+`. `reference` is the branch, tag or commit that is asked for, or empty; `subdirectory`
    is where the project is in it. `stated` is how its script or project names it, for messages and locks.
    `settings` is what [tool.uv] says of its build, as canonical JSON: the keys `config-settings`, `variables`,
    `dependencies` and `constraints`. `digest` is the sha256 that an archive must have, where one is stated.
    """

    name: str
    kind: Kind
    place: str
    stated: str
    where: str
    reference: str = ""
    subdirectory: str = ""
    settings: str = "{}"
    digest: Digest = NO_DIGEST

    def build_settings(self) -> dict[str, Any]:
        """Return what [tool.uv] says of the build."""
        found: dict[str, Any] = json.loads(self.settings)
        return found


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class PinnedFile:
    """A file by its name, its sha256 and its size in bytes."""

    name: str
    digest: Digest
    size: int


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class BuildRequirement:
    """A package that a backend needs (PEP 518), with its wheels for the machines that may build."""

    name: str
    version: str
    wheels: tuple[PinnedFile, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "wheels", tuple(sorted(self.wheels)))


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltFrom:
    """Which source a wheel was built of, by what identifies it, and what its backend ran with.

    A directory has `path`, as its script or project names it, and the `digest` of its tree. A commit of git has
    `commit` and `tree`, git's own object names; `path` is the repository's address without user and password, and
    `reference` what was asked for. An archive has `path`, which is its file name, `digest` and `size`; `reference` is
    the digest of its address, where nothing else says which one is asked for. `settings` is the digest of what
    [tool.uv] says of the build, where it says anything. They are digests since there may be secrets in them.
    """

    kind: Kind
    path: str = ""
    digest: Digest = NO_DIGEST
    size: int = 0
    commit: str = ""
    tree: str = ""
    reference: str = ""
    subdirectory: str = ""
    settings: Digest = NO_DIGEST
    requires: tuple[BuildRequirement, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "requires", tuple(sorted(self.requires)))

    def __str__(self) -> str:
        """Return what people are told of it: where it is from, and the beginning of what identifies it."""
        return f"{self.path} {self.commit[:12] or hex_of(self.digest)[:12]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltWheel:
    """A wheel in its canonical form, and what it was built of."""

    wheel: PinnedFile
    origin: BuiltFrom
