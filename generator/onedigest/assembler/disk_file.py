"""Knows a file on disk as the content of an entry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler.entry import Entry, unpadded_base64
from onedigest.assembler.refusal import Refused

_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A file that must not change while it is read: `digest` is hexadecimal."""

    path: Path
    size: int
    digest: str

    def splice(self) -> None:
        """Return None: it is no deflate stream."""

    def pieces(self) -> Iterator[bytes]:
        """Yield the content; raise `Refused` when the file changed since it was listed."""
        digest, size = hashlib.sha256(), 0
        with self.path.open("rb") as file:
            while piece := file.read(_READ):
                digest.update(piece)
                size += len(piece)
                yield piece
        if (size, digest.hexdigest()) != (self.size, self.digest):
            raise Refused("changed", f"{self.path.name}: the file changed while it was read")


def disk_entry(target: str, path: Path, *, executable: bool, origin: str) -> Entry:
    """Make the entry of a file on disk, mode 0755 or 0644."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    content = DiskFile(path, size, digest.hexdigest())
    record = "sha256=" + unpadded_base64(digest.digest())
    return Entry(target, "file", 0o755 if executable else 0o644, size, content, digest=record, origin=origin)
