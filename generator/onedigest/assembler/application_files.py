"""The files of an application as engines pass them on: a list in JSON, and contents for a layer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from onedigest.assembler.canonical import canonical_text
from onedigest.assembler.disk_file import read_file
from onedigest.assembler.refusal import Refused
from onedigest.assembler.selection import Found, Selected

ROLES = ("script", "plain", "program")


class Listed(NamedTuple):
    """A file by its place below the application's folder; its `role` is one of `ROLES`."""

    target: str
    path: Path
    role: str


def selected_files(found: Found) -> Iterator[Listed]:
    """Yield the files of a selection. Raises `Refused` with all that is wrong."""
    if found.problems:
        raise Refused("application", "\n".join(map(str, found.problems)))
    return (Listed(each.target, each.path, each.role) for each in found.files)


def listing_of(project: Path, files: Iterable[Selected]) -> str:
    """Return files as JSON, their paths from the project's root."""
    rows = [{"target": each.target, "path": _below(each.path, project), "role": each.role} for each in files]
    return json.dumps(rows, indent=1, ensure_ascii=False)  # noqa: TID251  it is read, and has no digest


def read_listing(path: Path) -> Iterator[Listed]:
    """Yield the files of a list, whose paths are from the list's own folder. Raises `Refused` (`document`)."""
    try:
        rows = [_row(each) for each in json.loads(read_file(path))]
    except (ValueError, TypeError, RecursionError):
        raise Refused("document", f"{path.name}: not a list of the files of an application") from None
    return (Listed(target, path.parent / place, role) for target, place, role in rows)


def _row(value: object) -> tuple[str, str, str]:
    """Return target, path and role of a file in a list. Raises ValueError for what is none."""
    match value:
        case {"target": str(target), "path": str(path), "role": str(role)} if role in ROLES and path:
            return target, path, role
    raise ValueError


def contents(files: Iterable[Listed]) -> Iterator[tuple[str, bytes | Path, bool]]:
    """Yield target, content and whether it is executable; a script has its canonical text. Raises `Refused`."""
    for target, path, role in files:
        if role != "script":
            yield target, path, role == "program"
            continue
        try:
            yield target, canonical_text(read_file(path)).encode(), False
        except UnicodeDecodeError:
            raise Refused("application", f"application: {target}: not UTF-8") from None


def _below(path: Path, project: Path) -> str:
    """Return a path of the user's as one from the project's root; links in it stay as they are."""
    return Path(os.path.relpath(path, project)).as_posix()
