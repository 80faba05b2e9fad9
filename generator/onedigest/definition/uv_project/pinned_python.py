"""The Python that the developers of a project use: what `.python-version` names, as uv reads it."""

from __future__ import annotations

import re
from pathlib import Path

from onedigest.checkout import decoded, read_inside
from onedigest.definition.uv_project.pyproject import Pyproject
from onedigest.definition.uv_project.workspace import UvWorkspace
from onedigest.errors import InputError, Problem

_FILE = ".python-version"
_MOST_BYTES = 64 << 10
_VERSION = re.compile(r"(?:cpython[@-]?|python)?(3\.\d{1,3})(?:\.\d{1,3})?(?:[^\d.].*)?", re.ASCII | re.IGNORECASE)


def other_python(project: Pyproject, workspace: UvWorkspace, python: str) -> Problem | None:
    """Return what is to be said where a `.python-version` names another minor version than a base has."""
    found = next((path for path in _places(project.folder, workspace) if path.is_file()), None)
    if found is None:
        return None
    shown = _FILE if found.parent == project.folder else workspace.place(found)
    try:
        text = decoded(read_inside(found, workspace.repository, shown, _MOST_BYTES), shown)
    except InputError:
        return None
    first = next((line for line in map(str.strip, text.split("\n")) if line and not line.startswith("#")), "")
    match = _VERSION.fullmatch(first)
    minor = ".".join(python.split(".")[:2])
    if match is None or match[1] == minor:
        return None
    message = f"names Python {match[1]}, and the image has {python}"
    return Problem(
        message, shown, f'write `requires-python = "=={match[1]}.*"` in [project] where it is to be the same'
    )


def _places(folder: Path, workspace: UvWorkspace) -> list[Path]:
    """Return where uv looks for the file: in the project's folder and above it, as far as its workspace goes."""
    above = [folder, *(each for each in folder.parents if each.is_relative_to(workspace.root.folder))]
    return [each / _FILE for each in above]
