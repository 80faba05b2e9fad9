"""The file of a system that a path leads to, through links and a merged /usr."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from onedigest.assembler.deb import MERGED
from onedigest.assembler.entry import PATH_BYTES, Entry

LINKS = 40
"""How many links a path may lead through (path_resolution(7))."""

STEPS = 512
"""How many parts a path may have, with those of the links that it leads through."""


def place(files: Mapping[str, Entry], path: str) -> str | None:
    """Return the path below the root that an absolute path stands for, whose last part may be a link or missing.

    None for one that leads through too many links, has too many parts, or is relative.
    """
    return _placed(files, path)[0]


def _placed(files: Mapping[str, Entry], path: str) -> tuple[str | None, int]:
    """Return the place of a path, and through how many parts it leads."""
    if not path.startswith("/") or len(path) > PATH_BYTES:
        return None, 0
    waiting = [part for part in reversed(path.split("/")) if part]
    steps = len(waiting)
    found: list[str] = []
    links = 0
    while waiting:
        if links > LINKS or steps > STEPS:
            return None, steps
        part = waiting.pop()
        if part == "..":
            found = found[:-1]
        if part in (".", ".."):
            continue
        if not found and part in MERGED:
            found = ["usr"]
        found.append(part)
        entry = files.get("/".join(found))
        if waiting and entry and entry.kind == "link":
            links += 1
            pieces = [piece for piece in reversed(entry.target.split("/")) if piece]
            steps += len(pieces)
            waiting += pieces
            found = [] if entry.target.startswith("/") else found[:-1]
    return "/".join(found), steps


def find(files: Mapping[str, Entry], path: str) -> Entry | None:
    """Return the file or the folder that an absolute path leads to; None where there is none."""
    steps = 0
    for _ in range(LINKS):
        here, more = _placed(files, path)
        steps += more
        entry = files.get(here) if here and steps <= STEPS else None
        if entry is None or entry.kind not in ("link", "hardlink"):
            return entry
        folder = entry.path.rpartition("/")[0]
        absolute = entry.kind == "hardlink" or entry.target.startswith("/")
        path = f"/{entry.target}" if entry.kind == "hardlink" else entry.target
        path = path if absolute else f"/{folder}/{path}"
    return None


class Paths:
    """The paths of a system, sorted when they are first asked for, so that those in a folder are found at once."""

    def __init__(self, files: Mapping[str, Entry]) -> None:
        self._files = files
        self._sorted: Sequence[str] | None = None

    def is_folder(self, path: str) -> bool:
        """Tell whether there are paths below one."""
        start, end = self._range(path)
        return start < end

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names in a folder, some of them twice; the root is empty."""
        known = self._known()
        at, end = self._range(folder)
        cut = len(folder) + 1 if folder else 0
        while at < end:
            name, slash, _ = known[at][cut:].partition("/")
            yield name
            at = bisect_left(known, f"{known[at][:cut]}{name}{_AFTER}", at, end) if slash else at + 1

    def _range(self, folder: str) -> tuple[int, int]:
        known = self._known()
        if not folder:
            return 0, len(known)
        start = bisect_left(known, f"{folder}/")
        return start, bisect_left(known, f"{folder}{_AFTER}", start)

    def _known(self) -> Sequence[str]:
        if self._sorted is None:
            self._sorted = sorted(self._files)
        return self._sorted


_AFTER = "0"
"""The character after the slash, in the order of paths."""


def glob(
    files: Mapping[str, Entry],
    pattern: str,
    paths: Paths | None = None,
    count: Callable[[int], object] = lambda _: None,
) -> list[str]:
    """Return the absolute paths that a pattern fits, sorted; its parts before the first wildcard may be links.

    `count` is told how many names are looked at.
    """
    if not pattern.startswith("/") or len(pattern) > PATH_BYTES:
        return []
    folder = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    real = place(files, f"{folder}/x")
    if real is None:
        return []
    paths = paths or Paths(files)
    inside = real[:-1]
    found = [""]
    for part in pattern[len(folder) + 1 :].split("/"):
        fits = re.compile(fnmatch.translate(part)).match
        above, found = found, []
        for each in above:
            for name in paths.names(f"{inside}{each}"[:-1]):
                count(1)
                if fits(name) and (part.startswith(".") or not name.startswith(".")):
                    found.append(f"{each}{name}/")
        found = list(dict.fromkeys(found))
    return sorted(f"{folder}/{each[:-1]}" for each in found if f"{inside}{each[:-1]}" in files)
