"""Knows the files that all images of a lock folder share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from onedigest.digest import Digest
from onedigest.formats import CREATED
from onedigest.inputs import zipapp
from onedigest.plan.inputs import FOLDER
from onedigest.rules.bazel import find_package
from onedigest.rules.environment import render

SHARED = (".gitattributes", ".gitignore", "defs.bzl", "extensions.bzl", "internal.bzl", "onedigest.nix")

_FOLDERS = {".gitattributes": "templates", ".gitignore": "templates"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedView:
    """What the templates of shared files see."""

    folder: str
    label: str
    inputs: str
    assembler: str
    assembler_digest: Digest
    assembler_start: str
    created: str


def render_shared(folder: Path) -> Mapping[str, str]:
    """Return the texts of the shared files of a lock folder by path."""
    return _render(folder.name, find_package(folder))


@cache
def _render(folder: str, package: str) -> Mapping[str, str]:
    assembler = zipapp.digest()
    view = SharedView(
        folder=folder,
        label=package,
        inputs=FOLDER,
        assembler=zipapp.file_name(assembler),
        assembler_digest=assembler,
        assembler_start=zipapp.START,
        created=CREATED,
    )
    return {
        name: render(_FOLDERS.get(name, "BUILD_templates"), f"{name.removeprefix('.')}.j2", view) for name in SHARED
    }
