"""The reading of a file that a Flyte image names: one below the folder that holds the locks."""

from __future__ import annotations

from pathlib import Path

from onedigest.assembler.file_tree import is_below
from onedigest.checkout import read_inside
from onedigest.errors import InputError
from onedigest.untrusted import MOST_TEXT


def read_source(path: Path, root: Path, where: str, most: int = MOST_TEXT) -> bytes:
    """Return the content of a file below a root, itself without links. Raises `InputError`."""
    if not is_below(path, root):
        message = f"{path.name or path} is not below {root.name}, the folder that holds the locks"
        raise InputError.of(message, where=where, hint="move it there")
    return read_inside(path, root, where, most)
