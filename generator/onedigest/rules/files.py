"""The writing of generated files, which leaves whole ones even when a run is killed, and their reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from onedigest import checkout
from onedigest.errors import InputError, Problem
from onedigest.header import HEAD, MARK

Files = Mapping[str, str]
"""Texts by path, from the lock folder, with slashes."""

T = TypeVar("T")


def write(folder: Path, files: Files) -> list[str]:
    """Write the files that are not as they should be; return their paths, sorted.

    Raises `InputError` for a link: `folder`, what is in it, and the files are of the checkout.
    """
    root = folder.parent
    wanted = {path: files[path].encode() for path in sorted(files)}
    changed = [path for path, data in wanted.items() if _bytes(root, f"{folder.name}/{path}") != data]
    if changed:
        root.mkdir(parents=True, exist_ok=True)
    for path in changed:
        _told(root, partial(checkout.write_bytes, root, f"{folder.name}/{path}", wanted[path]))
    return changed


def refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Raise `InputError` for files of these names that are somebody else's, rather than replace them."""
    foreign = [name for name in sorted(names) if not is_ours(folder / name)]
    if foreign:
        hint = "move it away: this folder is for generated files"
        message = "is not a file of onedigest, which writes one of this name"
        raise InputError([Problem(message, f"{folder.name}/{name}", hint) for name in foreign])


def remove(folder: Path, paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Remove generated files, and nobody else's; return the paths of those that were there, and of those that are left.

    Raises `InputError` for a link.
    """
    root = folder.parent
    there = [path for path in sorted(paths) if _bytes(root, f"{folder.name}/{path}") is not None]
    ours = [path for path in there if is_ours(folder / path)]
    for path in ours:
        _told(root, partial(checkout.remove_file, root, f"{folder.name}/{path}"))
    return ours, [path for path in there if path not in ours]


def read(path: Path) -> str | None:
    """Return the text of a generated file, with LF line ends, or None where there is none.

    Raises `InputError` for a link or a link as its folder, for what is no file, and for what is not UTF-8.
    """
    data = _raw(path.parent.parent, f"{path.parent.name}/{path.name}")
    return None if data is None else checkout.decoded(data, str(path))


def is_ours(path: Path) -> bool:
    """Tell whether a file, if there is one, is a generated one."""
    data = _bytes(path.parent.parent, f"{path.parent.name}/{path.name}")
    return data is None or MARK.encode() in data[:HEAD]


def _bytes(root: Path, path: str) -> bytes | None:
    data = _raw(root, path)
    return None if data is None else data.replace(b"\r\n", b"\n")


def _raw(root: Path, path: str) -> bytes | None:
    return _told(root, partial(checkout.read_bytes, root, path))


def _told(root: Path, act: Callable[[], T]) -> T:
    """Act on a file of a checkout; what is wrong is told by its whole path."""
    try:
        return act()
    except InputError as error:
        raise InputError(replace(each, where=str(root / each.where)) for each in error.problems) from None
