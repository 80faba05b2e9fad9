"""The bounded reading of a file in a checkout, through links that stay below a root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from onedigest.assembler.refusal import Unusable

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # to open a pipe must not wait for a writer


def read_inside(path: Path, root: Path, where: str, most: int) -> bytes:
    """Return the content of a file of the user's; links are followed as long as they stay below a root.

    Raises `Unusable` for a missing or unreadable file, one outside, what is no regular file, more than `most` bytes.
    """
    with open_inside(path, root, where) as file:
        return read_most(file, where, most)


@contextmanager
def open_inside(path: Path, root: Path, where: str) -> Iterator[BinaryIO]:
    """Open a regular file of the user's for reading; links are followed as long as they stay below a root.

    Raises `Unusable` as `read_inside`. Nothing is read of what waits for a writer, or has no end.
    """
    try:
        real = path.resolve()
        if not real.is_relative_to(root.resolve()):
            raise _leaves(where)
        handle = os.open(real, _FILE)
    except Unusable:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unusable(f"cannot be read: {reason}", where=where) from None
    with opened(handle, where) as file:
        yield file


def _leaves(where: str) -> Unusable:
    return Unusable("is a link that leaves the project", where=where, hint="replace it by a real file")


def opened(handle: int, where: str) -> BinaryIO:
    """Return a regular file by its handle. Raises `Unusable` for what is none, a folder included."""
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        wrong = "cannot be read: Is a directory" if stat.S_ISDIR(mode) else "is not a regular file"
        raise Unusable(wrong, where=where)
    return os.fdopen(handle, "rb")


def read_most(file: BinaryIO, where: str, most: int) -> bytes:
    """Return what an open file holds. Raises `Unusable` for more than `most` bytes."""
    data = file.read(most + 1)
    if len(data) > most:
        raise Unusable(f"has more than {most} bytes", where=where)
    return data


def decoded(data: bytes, where: str) -> str:
    """Return UTF-8 as text with LF line ends. Raises `Unusable` with the line that is not UTF-8."""
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unusable("not UTF-8", where=f"{where}:{line}", hint="save the file as UTF-8") from None
