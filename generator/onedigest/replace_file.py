"""The replacement of a file in a folder: whole and on the disk, whatever stops a run."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import BinaryIO

_TEMPORARY = ".onedigest-"
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Fill = Callable[[int, str], AbstractContextManager[str]]
"""Makes a file in an open folder, holds it while the context lasts, and gives its name: that asked for, or another."""


def replace(parent: int, name: str, fill: Fill) -> None:
    """Make a file under a temporary name, and give it its own.

    The temporary name is made of its own, so that the next run finds what a run left that was killed in between.
    """
    new = _derived(name)
    moved = False
    while not moved:
        try:
            with fill(parent, new) as made, _gone_after_failure(parent, made):
                moved = _moved(parent, made, name)
        except FileExistsError:
            if not _remove_abandoned(parent, new):
                new = _chosen()


def _derived(name: str) -> str:
    return f"{_TEMPORARY}{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _chosen() -> str:
    return f"{_TEMPORARY}{secrets.token_hex(8)}"


def _moved(parent: int, new: str, name: str) -> bool:
    """Give a file its own name; tell whether it still had the temporary one, which links to one file share."""
    try:
        os.replace(new, name, src_dir_fd=parent, dst_dir_fd=parent)
    except FileNotFoundError:
        if not os.fstat(parent).st_nlink:  # the folder itself is gone
            raise
        return False
    with suppress(FileNotFoundError):  # a link to the same file is not moved (rename(2))
        os.unlink(new, dir_fd=parent)
    return True


def _remove_abandoned(parent: int, name: str) -> bool:
    """Remove a temporary file that no process holds; tell whether it is gone."""
    try:
        handle = os.open(name, _FILE, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_file(parent, name, os.fstat(handle)):
            os.unlink(name, dir_fd=parent)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def is_file(parent: int, name: str, known: os.stat_result) -> bool:
    """Tell whether a name is that of a known file."""
    try:
        return os.path.samestat(os.stat(name, dir_fd=parent, follow_symlinks=False), known)
    except FileNotFoundError:
        return False


@contextmanager
def filled(parent: int, name: str, mode: int, fill: Callable[[BinaryIO], object]) -> Iterator[str]:
    """Make a file that is on the disk before it has its name, and locked while the context lasts.

    Where the file system has no files without a name, it has one from the start, and that is made by chance: nobody may
    take it for one that is complete.
    """
    handle = _open_unnamed(parent, mode)
    named = handle < 0
    if named:
        name = _chosen()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(name, flags, mode, dir_fd=parent)
    with os.fdopen(handle, "wb") as file, _gone_after_failure(parent, name if named else ""):
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        fill(file)
        file.flush()
        os.fsync(handle)
        if not named:
            os.link(f"/proc/self/fd/{handle}", name, dst_dir_fd=parent, follow_symlinks=True)
        yield name


@contextmanager
def _gone_after_failure(parent: int, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if name:
            with suppress(OSError):
                os.unlink(name, dir_fd=parent)
        raise


def _open_unnamed(parent: int, mode: int) -> int:
    """Open a new file that has no name yet, so that a killed run leaves none; -1 where there are no such files."""
    if not hasattr(os, "O_TMPFILE") or not os.access("/proc/self/fd", os.X_OK):
        return -1
    try:
        return os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, mode, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.EOPNOTSUPP, errno.ENOENT, errno.EINVAL):
            return -1
        raise
