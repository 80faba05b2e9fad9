"""A file on disk as the content of an entry, and the reading and writing of files that are given by name."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler.entry import Entry, unpadded_base64
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar import FILE_BYTES

MOST_TEXT = 64 << 20
"""Bound of what is read whole."""

_READ = 1 << 20


def open_at_once(path: Path) -> io.BufferedReader:
    """Open whatever has a name for reading, without waiting for anybody to write."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.fdopen(handle, "rb")
    except OSError as error:
        os.close(handle)
        error.filename = str(path)
        raise


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading. Raises `Refused` (`type`) for a device, a pipe or a folder."""
    file = open_at_once(path)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Refused("type", f"{path.name}: not a regular file")
    return file


def file_digest(path: Path) -> str:
    """Return the digest of a file; a device or a pipe counts as empty, since it has no end."""
    digest = hashlib.sha256()
    with open_at_once(path) as file:
        left = os.fstat(file.fileno()).st_size
        while piece := file.read(min(_READ, left)):
            digest.update(piece)
            left -= len(piece)
    return f"sha256:{digest.hexdigest()}"


def read_file(path: Path) -> bytes:
    """Return the content of a small file. Raises `Refused` (`type` or `limit`)."""
    with open_file(path) as file:
        data = file.read(MOST_TEXT + 1)
    if len(data) > MOST_TEXT:
        raise Refused("limit", f"{path.name}: more than {MOST_TEXT} bytes")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises `Refused` (`output`) where its name is a link: somebody may have put it there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK):
            raise
        raise Refused("output", f"{path}: a symbolic link is not followed") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)


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
        with open_file(self.path) as file:
            while piece := file.read(_READ):
                digest.update(piece)
                size += len(piece)
                yield piece
        if (size, digest.hexdigest()) != (self.size, self.digest):
            raise Refused("changed", f"{self.path.name}: the file changed while it was read")


def disk_entry(target: str, path: Path, *, executable: bool, origin: str) -> Entry:
    """Make the entry of a file on disk, mode 0755 or 0644."""
    with open_file(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    if size > FILE_BYTES:
        raise Refused("limit", f"{origin}: {target}: {size} bytes, the limit is {FILE_BYTES}")
    content = DiskFile(path, size, digest.hexdigest())
    record = "sha256=" + unpadded_base64(digest.digest())
    return Entry(target, "file", 0o755 if executable else 0o644, size, content, digest=record, origin=origin)
