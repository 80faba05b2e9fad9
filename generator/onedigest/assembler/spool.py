"""The place where the content of many files waits: memory while it is little, else a file without a name."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

from onedigest.assembler.entry import Content, unpadded_base64

MEMORY = 128 << 20
"""What waits in memory at most, of all packages of a layer: a usual base fits in."""
SMALL = 1 << 20
_READ = 1 << 20


class Spool:
    """Content of files that are read once, from front to back, and needed later in another order."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._room = memory
        self._file: _Unnamed | None = None
        self._end = 0

    def keep(self, pieces: Iterator[bytes], size: int) -> tuple[bytes | Content, str]:
        """Take content of `size` bytes; return it for an entry, with its digest as in RECORD."""
        if size <= min(SMALL, self._room):
            self._room -= size
            content = b"".join(pieces)
            return content, _record(hashlib.sha256(content))
        if self._file is None:
            self._file = _Unnamed()
        digest, start = hashlib.sha256(), self._end
        for piece in pieces:
            digest.update(piece)
            rest = memoryview(piece)
            while rest:
                written = os.pwrite(self._file.handle, rest, self._end)
                self._end += written
                rest = rest[written:]
        return Spooled(start, size, self._file), _record(digest)


class _Unnamed:
    """A file without a name, which is there as long as anything refers to it."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            self.handle = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.handle)


@dataclass(frozen=True, slots=True)
class Spooled:
    """Content in the file of a spool."""

    offset: int
    size: int
    file: _Unnamed = field(compare=False, repr=False)

    def splice(self) -> None:
        """Return None: it is no deflate stream."""

    def pieces(self) -> Iterator[bytes]:
        """Yield the content."""
        for at in range(0, self.size, _READ):
            yield os.pread(self.file.handle, min(_READ, self.size - at), self.offset + at)

    def part(self, offset: int, size: int) -> bytes:
        """Return what is at a place of it, shorter where it ends."""
        size = min(size, max(0, self.size - offset))
        return os.pread(self.file.handle, size, self.offset + offset) if size else b""


def _record(digest: hashlib._Hash) -> str:
    return "sha256=" + unpadded_base64(digest.digest())
