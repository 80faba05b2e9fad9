"""The folders where ldconfig looks for libraries: those that /etc/ld.so.conf names, and its own (ldconfig(8))."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from onedigest.assembler.configuration.file_system import FileSystem
from onedigest.assembler.entry import PATH_BYTES
from onedigest.assembler.refusal import Refused

CONFIGURATION = "/etc/ld.so.conf"

_MOST = 10_000
"""Lines, files, and names that are held against patterns, all together."""
_DEEPEST = 32
"""Files that include each other; ldconfig fails where they do so without an end."""
_SPACE = " \t\n\v\f\r"
_HWCAPS = "glibc-hwcaps"
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as its path is written, and its real path.

    `capabilities` is its name in `glibc-hwcaps`, if it has libraries for some machines alone.
    """

    path: str
    real: str
    capabilities: str = ""


class Folders:
    """Folders in the order in which they are searched, each once: by the first path that leads to it."""

    def __init__(self) -> None:
        self.capabilities: set[str] = set()
        """All names of folders in `glibc-hwcaps`, whether or not there are libraries."""
        self._found: list[Folder] = []
        self._known: set[str] = set()

    def __iter__(self) -> Iterator[Folder]:
        """Yield the folders, and those that are added meanwhile."""
        done = 0
        while done < len(self._found):
            yield self._found[done]
            done += 1

    def add_existing(self, files: FileSystem, path: str) -> None:
        """Add the folder that a path leads to, if it leads to one."""
        real = files.real(path)
        if real is not None and files.kind(real) == "dir":
            self.add(Folder(path, real))

    def add(self, folder: Folder) -> bool:
        """Add a folder; False if it is there."""
        if folder.real in self._known:
            return False
        self._known.add(folder.real)
        self._found.append(folder)
        return True


def library_folders(files: FileSystem, own: Iterable[str], *, typed: bool) -> Folders:
    """Return the folders of the configuration, then ldconfig's own, each followed by what is in its `glibc-hwcaps`.

    `typed` says that a line may have a type of libraries behind `=`, as up to glibc 2.36. Raises `Refused` (`limit`).
    """
    found = Folders()
    for line in _lines(files, CONFIGURATION, _Room(_MOST), 0):
        _add(files, found, line.partition("=")[0] if typed else line)
    for path in own:
        _add(files, found, path)
    return found


class _Room:
    """How much of a configuration may still be read."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Refused("limit", f"{CONFIGURATION} and what it includes is too large, or includes itself")


def _lines(files: FileSystem, path: str, room: _Room, depth: int) -> Iterator[str]:
    """Yield the lines of a configuration file that name folders, and those of the files that it includes."""
    room.take(1 if depth < _DEEPEST else _MOST)
    real = files.real(path)
    for row in _text(files, real).split("\n") if real is not None else ():
        line = row.partition("\0")[0].partition("#")[0].lstrip(_SPACE)
        if not line or re.match(r"(?i:hwcap)[ \t]", line):
            continue
        room.take(1)
        if not re.match(r"include[ \t]", line):
            yield line
            continue
        for pattern in filter(None, re.split(r"[ \t]", line[8:])):
            for included in _expanded(files, pattern, path, room):
                yield from _lines(files, included, room, depth + 1)


def _text(files: FileSystem, real: str) -> str:
    return files.text(real).decode("utf-8", "surrogateescape")


def _expanded(files: FileSystem, pattern: str, includer: str, room: _Room) -> list[str]:
    """Return the paths that a pattern of glob(7) matches, sorted by their bytes."""
    if not pattern.startswith("/"):
        pattern = f"{includer.rpartition('/')[0]}/{pattern}"
    if len(pattern) > PATH_BYTES:
        return []
    paths = [""]
    for part in pattern.split("/")[1:]:
        fit = re.compile(fnmatch.translate(part.replace("[^", "[!"))).match if _WILD.search(part) else None
        paths = [f"{path}/{name}" for path in paths for name in _names(files, path, part, fit, room)]
        room.take(len(paths))
    return sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))


def _names(files: FileSystem, path: str, part: str, match: Callable[[str], object] | None, room: _Room) -> list[str]:
    if match is None:
        return [part]
    real = files.real(path)
    names = files.names(real) if real is not None else []
    room.take(1 + len(names))
    return [name for name in names if match(name) and (part.startswith(".") or not name.startswith("."))]


def _add(files: FileSystem, found: Folders, line: str) -> None:
    path = line.rstrip(_SPACE).rstrip("/")
    real = files.real(path) if path else None
    if real is None or not found.add(Folder(path, real)):
        return
    inner = files.real(f"{real}/{_HWCAPS}")
    for name in files.names(inner) if inner is not None else ():
        place = files.real(f"{inner}/{name}")
        if name.startswith(".") or ":" in name or place is None or files.kind(place) != "dir":
            continue
        found.capabilities.add(name)
        found.add(Folder(f"{path}/{_HWCAPS}/{name}", place, name))
