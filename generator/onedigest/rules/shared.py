"""The files that all images of a lock folder share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from onedigest import zipapp
from onedigest.digest import Digest
from onedigest.formats import CREATED
from onedigest.header import add_rules_header
from onedigest.plan.inputs import FOLDER
from onedigest.rules.assemblers import rendered_as_named
from onedigest.rules.bazel import FILE_NAME as BUILD
from onedigest.rules.bazel import find_package
from onedigest.rules.files import Files
from onedigest.rules.jinja import render
from onedigest.rules.model import GIT_FILES, SHARED
from onedigest.rules.nix import left_out

_TEMPLATES = {
    **{name: ("templates", f"{name.removeprefix('.')}.j2") for name in GIT_FILES},
    BUILD: ("BUILD_templates", "shared.bazel.j2"),
}
"""The templates of files that are not called like theirs."""


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
    left_out: Mapping[str, Sequence[str]]


def render_shared(folder: Path, kinds: Collection[str]) -> Files:
    """Return the texts of the shared files of a lock folder, for some kinds of rules, by path.

    Files that are there go on naming their assembler, as long as nothing else of them moves.
    """
    names = tuple(name for kind, several in SHARED.items() if kind in kinds for name in several)
    render_all = partial(_render, folder.name, find_package(folder), (*GIT_FILES, *names))
    return rendered_as_named(folder, names, render_all)


@cache
def _render(folder: str, package: str, names: tuple[str, ...], assembler: Digest) -> Files:
    view = SharedView(
        folder=folder,
        label=package,
        inputs=FOLDER,
        assembler=zipapp.file_name(assembler),
        assembler_digest=assembler,
        assembler_start=zipapp.START,
        created=CREATED,
        left_out=left_out(),
    )
    return {name: add_rules_header("", _body(name, view)) for name in names}


def _body(name: str, view: SharedView) -> str:
    return render(*_TEMPLATES.get(name, ("BUILD_templates", f"{name}.j2")), view)
