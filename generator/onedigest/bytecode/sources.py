"""The Python sources that are compiled, and where their bytecode goes."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from onedigest.assembler.entry import NAME_BYTES, Entry
from onedigest.bytecode_path import SUFFIX, bytecode_path


@dataclass(frozen=True, slots=True)
class Source:
    """A source by its path in the image, without a leading slash; `size` is in bytes. One `digest` is of one text."""

    path: str
    size: int
    digest: str
    read: Callable[[], bytes]


class LeftOut(NamedTuple):
    """A source of which there is no bytecode, by its path in the image, and why.

    It is `unusual` where its text is no mistake: it is very large, or the compiler crashed.
    """

    path: str
    reason: str
    unusual: bool = False


def sources_in(entries: Iterable[Entry], python: str, below: str = "") -> Iterator[Source]:
    """Yield the sources among the files of a layer, below a folder; not those that bring bytecode of their own."""
    files = {each.path: each for each in entries if each.kind != "dir"}
    for path, entry in files.items():
        if entry.kind != "file" or not path.endswith(SUFFIX) or not f"{path}/".startswith(f"{below}/" if below else ""):
            continue
        target = bytecode_path(path, python)
        folder = posixpath.dirname(target)
        if target not in files and folder not in files and len(posixpath.basename(target).encode()) <= NAME_BYTES:
            yield source_of(entry)


def source_of(entry: Entry) -> Source:
    """Return the source that a file of a layer is."""
    return Source(entry.path, entry.size, entry.digest, _reader(entry))


def _reader(entry: Entry) -> Callable[[], bytes]:
    def read() -> bytes:
        return entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())

    return read
