"""The files of each kind of rules, and one image's rules as a value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from onedigest.rules import bake, bazel, bazel_layers, dockerfile, nix
from onedigest.rules.bake import BakeTarget
from onedigest.rules.files import Files

DOCKER, BAZEL, NIX = "docker", "bazel", "nix"

OF_ENGINE: Mapping[str, str] = {"buildx": DOCKER, "bazel": BAZEL, "nix": NIX}
"""The rules that each engine reads; the embedded one reads none."""

OWN: Mapping[str, tuple[str, ...]] = {
    DOCKER: (dockerfile.FILE_NAME, dockerfile.IGNORE_NAME),
    BAZEL: (bazel.FILE_NAME, bazel_layers.FILE_NAME),
    NIX: (nix.FILE_NAME,),
}
"""The files of one image, besides its lock and its record."""

GIT_FILES = (".gitattributes", ".gitignore")
"""What a lock folder has whatever its images ask for."""

SHARED: Mapping[str, tuple[str, ...]] = {
    DOCKER: (),
    BAZEL: (bazel.FILE_NAME, "defs.bzl", "extensions.bzl", "internal.bzl"),
    NIX: ("onedigest.nix",),
}
"""The files that are the same for all images of a lock folder."""

MERGED: Mapping[str, tuple[str, ...]] = {DOCKER: (bake.FILE_NAME,), BAZEL: (), NIX: ()}
"""The files that each image of a lock folder has a part in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The generated files of an image, by path from the lock folder, and its part of the file of all images.

    `kinds` are those that it asks for: without "docker" there is no `bake`.
    """

    name: str
    kinds: tuple[str, ...]
    files: Files
    bake: BakeTarget | None


@dataclass(frozen=True, slots=True)
class StaleFile:
    """A generated file that is not what was rendered now. `format` is that of the rules which it states.

    `edited` tells that it was changed by hand.
    """

    path: str
    message: str
    format: int | None = None
    edited: bool = False


def own_files(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the names of an image's files of some kinds of rules."""
    return tuple(name for kind, names in OWN.items() if kind in kinds for name in names)


def folder_files(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the names of the files that a lock folder has for some kinds of rules."""
    return tuple(name for table in (SHARED, MERGED) for kind, names in table.items() if kind in kinds for name in names)


def kind_of(path: str) -> str:
    """Return the kind of rules that a path from the lock folder is of; nothing for a lock or a file for git."""
    name = path.rpartition("/")[2]
    tables = (OWN,) if "/" in path else (SHARED, MERGED)
    return next((kind for table in tables for kind, names in table.items() if name in names), "")
