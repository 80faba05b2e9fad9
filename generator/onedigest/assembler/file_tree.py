"""The files below a folder, and those that a pattern names: bounded, whatever the tree and the pattern.

Patterns are those of `pathlib`: `*`, `?`, `[…]` in a name, and `**` for any number of folders. `**` follows no link.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler.refusal import Unusable

MOST_ENTRIES = 1_000_000
"""How many files and folders are looked at before a tree counts as endless."""

MOST_FOLDERS = 256
"""How deep folders may be in each other."""

MOST_PARTS = 64
"""How many folders and names a pattern may have."""

_LONGEST = 4096  # of a path on Linux (PATH_MAX)
_WILD = re.compile(r"[*?\[]")


class Budget:
    """Counts what is looked at, so that no tree and no pattern keeps a command busy for ever.

    `quote` is how messages quote a name.
    """

    def __init__(self, most: int = MOST_ENTRIES, quote: Callable[[str], str] = repr) -> None:
        self._most = most
        self._left = most
        self.quote = quote

    def take(self, path: Path) -> None:
        """Count one file or folder. Raises `Unusable` when there were too many."""
        self._left -= 1
        if self._left < 0:
            raise Unusable(
                f"more than {self._most} files and folders are to be looked at", where=str(path), hint="name fewer"
            )


@dataclass(frozen=True, slots=True)
class _Part:
    """A component of a pattern: any number of folders, a plain name, or a name with wildcards."""

    name: str
    is_plain: bool
    matches: Callable[[str], object]

    @property
    def is_deep(self) -> bool:
        return self.name == "**"


def check_pattern(pattern: str, quote: Callable[[str], str] = repr) -> None:
    """Raise ValueError for a pattern that is none, or is about more than the folder that it is from."""
    parts = pattern.split("/")
    if pattern.startswith("/") or ".." in parts or not pattern.strip():
        raise ValueError(f"has {quote(pattern)}, which leaves the script's folder")
    if not any(part not in ("", ".") for part in parts):
        raise ValueError(f"has {quote(pattern)}, which is the folder itself: `*` is all that is in it")
    if len(pattern) > _LONGEST or len(parts) > MOST_PARTS:
        raise ValueError(f"has {quote(pattern)}, which has more than {MOST_PARTS} parts or {_LONGEST} characters")
    if wrong := next((part for part in parts if "**" in part and part != "**"), ""):
        raise ValueError(f"has {quote(pattern)}, where `**` is only a part of {quote(wrong)}: it stands for folders")
    if "\0" in pattern:
        raise ValueError("holds a NUL character")


def head(pattern: str) -> str:
    """Return the part of a pattern that is written out: the folder, or the file, that all it names is below."""
    plain = itertools.takewhile(lambda part: part.is_plain, _parse(pattern))
    return "/".join(part.name for part in plain)


def match(folder: Path, pattern: str, budget: Budget) -> Iterator[Path]:
    """Yield the files and folders below a folder that a pattern names; each may come more than once.

    A link to a folder is followed where a part of the pattern is its name and it leads to a place below the folder. One
    that leads elsewhere is yielded itself where its name is written out, and else left alone.
    """
    parts = _parse(pattern)
    is_folders_only = pattern.endswith("/")
    root = folder.resolve()
    waiting, deepest = [(folder, frozenset({0}))], len(folder.parts) + MOST_FOLDERS
    while waiting:
        here, at = waiting.pop()
        if len(here.parts) > deepest:
            raise Unusable(f"is more than {MOST_FOLDERS} folders deep", where=budget.quote(str(here)))
        at = _opened(at, parts)
        if len(parts) in at:
            yield here
        rest = sorted(at - {len(parts)})
        for path, is_folder in _children(here, [parts[each] for each in rest]) if rest else ():
            budget.take(path)
            is_link = path.is_symlink()
            after = {each + 1 for each in rest if not parts[each].is_deep and parts[each].matches(path.name)}
            below = after - {len(parts)}
            if is_folder and is_link and below and not is_below(path, root):
                named = any(parts[each].is_plain and parts[each].matches(path.name) for each in rest)
                after, below = ({len(parts)} if named or len(parts) in after else set()), set()
            if len(parts) in after and (is_folder or not is_folders_only):
                yield path
            if is_folder:
                below |= {each for each in rest if parts[each].is_deep and not is_link}
                if below:
                    waiting.append((path, frozenset(below)))


def walk(path: Path, budget: Budget, enters: Callable[[Path], bool] = lambda _: True) -> Iterator[Path]:
    """Yield a path, or what is below it where it is a folder, but no folders; no link is followed but the path itself.

    `enters` tells which files and folders of a folder count. Raises `Unusable` for what is too much, or too deep.
    """
    waiting, deepest = [path], len(path.parts) + MOST_FOLDERS
    while waiting:
        each = waiting.pop()
        budget.take(each)
        if len(each.parts) > deepest:
            raise Unusable(f"is more than {MOST_FOLDERS} folders deep", where=budget.quote(str(each)))
        if each.is_dir() and (each is path or not each.is_symlink()):
            waiting += sorted(filter(enters, each.iterdir()), reverse=True)
        else:
            yield each


def is_below(path: Path, root: Path) -> bool:
    """Tell whether a path is below a root, itself without links, once all links are followed."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that no file system has
        return False


def _parse(pattern: str) -> list[_Part]:
    found: list[_Part] = []
    for name in pattern.split("/"):
        if name in ("", ".") or (name == "**" and found and found[-1].is_deep):
            continue
        if _WILD.search(name):
            found.append(_Part(name, False, re.compile(fnmatch.translate(name)).match))
        else:
            found.append(_Part(name, True, name.__eq__))
    return found


def _opened(at: frozenset[int], parts: list[_Part]) -> frozenset[int]:
    """Return places in a pattern with those behind a `**`, which may stand for no folder at all."""
    return at | {each + 1 for each in at if each < len(parts) and parts[each].is_deep}


def _children(folder: Path, parts: list[_Part]) -> Iterator[tuple[Path, bool]]:
    """Yield what a folder has that some parts may match, sorted, and whether it is a folder."""
    if all(part.is_plain for part in parts):
        names = sorted({part.name for part in parts})
        paths = [path for name in names if os.path.lexists(path := folder / name)]
    else:
        try:
            paths = sorted(folder.iterdir())
        except PermissionError:
            return
    yield from ((path, path.is_dir()) for path in paths)
