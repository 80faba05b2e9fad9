"""Knows how generated files are written, so that a killed run leaves whole ones, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onedigest.errors import InputError
from onedigest.inputs.store import write_atomically

Files = Mapping[str, str]
"""Texts by path, from the lock folder, with slashes."""


def write(folder: Path, files: Files) -> list[str]:
    """Write the files that are not as they should be; return their paths, sorted."""
    changed = [path for path in sorted(files) if read(folder / path) != files[path]]
    for path in changed:
        target = folder / path
        if target.is_symlink() or target.parent.is_symlink():
            raise InputError.of("a symbolic link is not followed", where=str(target), hint="replace it by a real file")
        write_atomically(target, files[path].encode())
    return changed


def read(path: Path) -> str | None:
    """Return the text of a generated file, with LF line ends, or None where there is none."""
    try:
        return path.read_bytes().decode().replace("\r\n", "\n")
    except FileNotFoundError:
        return None
