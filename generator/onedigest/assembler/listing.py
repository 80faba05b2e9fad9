"""The files of a folder that belong in an image, and the links through which a file is reached."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from onedigest.assembler.file_tree import Budget, walk
from onedigest.assembler.ignoring import IgnoreRules
from onedigest.assembler.inside import decoded, read_inside
from onedigest.assembler.left_out import COMPILED, COMPILED_SUFFIX, REPOSITORY, is_cache, is_marked
from onedigest.assembler.refusal import Unusable

_MOST_RULES = 1 << 20
"""How many bytes a .dockerignore may have."""


def list_folder(
    path: Path,
    ignore: IgnoreRules | None,
    about: Sequence[Path],
    budget: Budget,
    left: Callable[[Path], None] = lambda _: None,
) -> list[Path]:
    """List a file, or the files of a folder that belong into an image.

    `ignore` is a .dockerignore, whose lines are about each of the folders `about`. `left` is told of folders that are
    left out since a program made them for this machine.
    """

    def enters(each: Path) -> bool:
        if not is_cache(each):
            return _belongs(each)
        if not (ignore and any(ignore.ignores(os.path.relpath(each, folder)) for folder in about)):
            left(each)
        return False

    found = [each for each in walk(path, budget, enters) if each.is_file() and each.suffix != COMPILED_SUFFIX]
    if ignore is None or not path.is_dir():
        return found
    for folder in about:
        found = [each for each in found if not ignore.ignores(os.path.relpath(each, folder))]
    return found


def read_rules(path: Path, root: Path, where: str) -> IgnoreRules:
    """Read a .dockerignore of a project. Raises `Unusable`."""
    text = decoded(read_inside(path, root, where, _MOST_RULES), where)
    try:
        return IgnoreRules(text)
    except ValueError as error:
        raise Unusable(str(error), where=where) from None


def _belongs(path: Path) -> bool:
    return path.name not in (REPOSITORY, COMPILED) and not is_marked(path)


def between(top: Path, path: Path) -> Iterator[Path]:
    """Yield a path and the folders above it that are below another."""
    while path != top and path.is_relative_to(top):
        yield path
        path = path.parent


def said_of(path: Path) -> str:
    """Say of a path that is there what it is instead of a file."""
    try:
        there = path.exists() and not path.is_dir() and not path.is_file()
    except (OSError, ValueError):
        return ""
    return ": it is a device, a pipe or a socket" if there else ""


def links_of(root: Path, target: str) -> Iterator[str]:
    """Yield links on the way to a file, and where they lead, as paths from a folder without links."""
    done, parts = "", target.split("/")
    while parts:
        done = posixpath.join(done, parts.pop(0))
        path = root / done
        if path.is_symlink():
            yield done
            parts = [*os.path.relpath(path.parent / path.readlink(), root).split("/"), *parts]
            done = ""
        elif not parts and done != target:
            yield done
