"""The Python sources that are compiled, and where their bytecode goes."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from onedigest.assembler.entry import NAME_BYTES, Entry

CACHE = "__pycache__"
"""The folder of bytecode beside its sources (PEP 3147)."""

SUFFIX = ".py"


@dataclass(frozen=True, slots=True)
class Source:
    """A source by its path in the image, without a leading slash; `size` is in bytes. One `digest` is of one text."""

    path: str
    size: int
    digest: str
    read: Callable[[], bytes]


class LeftOut(NamedTuple):
    """A source of which there is no bytecode, by its path in the image, and why; its compiler may have `crashed`."""

    path: str
    reason: str
    crashed: bool = False


def bytecode_path(path: str, python: str) -> str:
    """Return where CPython of a version 3.N.P looks for the bytecode of a source (PEP 3147, PEP 488).

    >>> bytecode_path("app/tool.py", "3.13.5")
    'app/__pycache__/tool.cpython-313.pyc'
    """
    folder, name = posixpath.split(path)
    major, minor = python.split(".")[:2]
    return posixpath.join(folder, CACHE, f"{name.removesuffix(SUFFIX)}.cpython-{major}{minor}.pyc")


def sources_in(entries: Iterable[Entry], python: str, below: str = "") -> Iterator[Source]:
    """Yield the sources among the files of a layer, below a folder; not those that bring bytecode of their own."""
    files = {each.path: each for each in entries if each.kind != "dir"}
    for path, entry in files.items():
        if entry.kind != "file" or not path.endswith(SUFFIX) or not f"{path}/".startswith(f"{below}/" if below else ""):
            continue
        target = bytecode_path(path, python)
        folder = posixpath.dirname(target)
        if target not in files and folder not in files and len(posixpath.basename(target).encode()) <= NAME_BYTES:
            yield Source(path, entry.size, entry.digest, _reader(entry))


def _reader(entry: Entry) -> Callable[[], bytes]:
    def read() -> bytes:
        return entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())

    return read
