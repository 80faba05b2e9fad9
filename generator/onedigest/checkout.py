"""Files of a checkout, read and written below its root, never through a link out of it, and bounded.

A pull request decides about every name below the root: a folder may be a link, a file a device. The root itself is the
user's own, and links above it are theirs. Written files are on the disk before they get their name.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from onedigest.assembler import inside
from onedigest.assembler.refusal import Unusable
from onedigest.errors import InputError
from onedigest.replace_file import Fill, filled, is_file, replace
from onedigest.untrusted import MOST_TEXT

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # to open a pipe must not wait for a writer
_LINK_ERRORS = (errno.ELOOP, errno.ENOTDIR, errno.EMLINK)


def read_bytes(root: Path, path: str, most: int = MOST_TEXT) -> bytes | None:
    """Return the content of a file of ours below a root, None where there is none; no link is followed.

    Raises `InputError` for a link, for what is no regular file, and for more than `most` bytes.
    """
    try:
        with _parent(root, path) as (parent, name):
            handle = os.open(name, _FILE, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(error, root, path) from None
    with unusable_as_input_error(), inside.opened(handle, path) as file:
        return inside.read_most(file, path, most)


def read_head(root: Path, path: str, most: int) -> bytes:
    """Return the first bytes of a file of ours below a root, nothing where none can be read; no link is followed."""
    try:
        with _parent(root, path) as (parent, name):
            handle = os.open(name, _FILE, dir_fd=parent)
        with inside.opened(handle, path) as file:
            return file.read(most)
    except (OSError, InputError, Unusable):
        return b""


def remove_empty(root: Path, path: str) -> bool:
    """Remove a folder below a root where nothing is in it; tell whether it is gone. No link is followed."""
    try:
        with _parent(root, path) as (parent, name):
            os.rmdir(name, dir_fd=parent)
    except OSError:
        return False
    return True


def find_repository(folder: Path) -> Path | None:
    """Return the nearest folder with a `.git`, itself or above, if any; what is further below does not count."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def read_text(root: Path, path: str, most: int = MOST_TEXT) -> str | None:
    """Return the text of a file of ours, with LF line ends. Raises as `read_bytes`, and for what is not UTF-8."""
    data = read_bytes(root, path, most)
    return None if data is None else decoded(data, path)


def decoded(data: bytes, where: str) -> str:
    """Return UTF-8 as text with LF line ends. Raises `InputError` with the line that is not UTF-8."""
    with unusable_as_input_error():
        return inside.decoded(data, where)


def read_inside(path: Path, root: Path, where: str, most: int = MOST_TEXT) -> bytes:
    """Return the content of a file of the user's; links are followed as long as they stay below a root.

    Raises `InputError` for a missing or unreadable file, one outside, and as `read_bytes`.
    """
    with unusable_as_input_error():
        return inside.read_inside(path, root, where, most)


@contextmanager
def open_inside(path: Path, root: Path, where: str) -> Iterator[BinaryIO]:
    """Open a regular file of the user's for reading; links are followed as long as they stay below a root.

    Raises `InputError` as `read_inside`. Nothing is read of what waits for a writer, or has no end.
    """
    with unusable_as_input_error(), inside.open_inside(path, root, where) as file:
        yield file


@contextmanager
def unusable_as_input_error() -> Iterator[None]:
    """Raise what the assembler says of a file that cannot be used as an `InputError`."""
    try:
        yield
    except Unusable as error:
        raise InputError.of(error.message, where=error.where, hint=error.hint) from None


def write_bytes(root: Path, path: str, data: bytes, *, lasting: bool = True) -> None:
    """Write a file below a root: whole and on the disk, or not at all. Missing folders are made; no link is followed.

    Its name need not last where it can be made again. Raises `InputError` where a component of the path is a link or
    no folder.
    """

    def fill(parent: int, name: str) -> AbstractContextManager[str]:
        return filled(parent, name, 0o666, lambda file: file.write(data))

    _put(root, path, fill, lasting=lasting)


def remove_file(root: Path, path: str) -> None:
    """Remove a file below a root, if it is there; a link as one of its folders is not followed. Raises `InputError`."""
    try:
        with _parent(root, path) as (parent, name):
            os.unlink(name, dir_fd=parent)
            os.fsync(parent)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno in _LINK_ERRORS:
            raise _refused(error, root, path) from None
        error.filename = str(root / path)
        raise


def link_file(root: Path, path: str, source: Path) -> None:
    """Make a path below a root the content of a stored file: a hard link, or a read-only copy where there is none.

    Its name need not last: it is made again from the store.
    """

    def fill(parent: int, name: str) -> AbstractContextManager[str]:
        try:
            os.link(source, name, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            if not is_file(parent, name, source.stat()):
                raise
        except OSError:
            return filled(parent, name, 0o444, copy)
        return nullcontext(name)

    def copy(target: BinaryIO) -> None:
        with source.open("rb") as content:
            shutil.copyfileobj(content, target, 1 << 20)

    _put(root, path, fill, lasting=False)


def make_folder(root: Path, path: str) -> None:
    """Make a folder below a root, and those above it. Raises `InputError` where one of them is a link or a file."""
    try:
        with _parent(root, f"{path}/_", make=True):
            pass
    except OSError as error:
        raise _refused(error, root, path) from None


def refuse_links(root: Path, path: str) -> None:
    """Raise `InputError` where a path below a root, as far as it exists, goes through a link or ends in one."""
    place = root
    for part in path.split("/"):
        place /= part
        if place.is_symlink():
            raise InputError.of(
                "a symbolic link is not followed",
                where=str(place.relative_to(root)),
                hint="replace it by what it names",
            )


def _put(root: Path, path: str, fill: Fill, *, lasting: bool = True) -> None:
    """Give what `fill` makes under a name of our own its name; where that is to last, the folder is synchronized."""
    try:
        with _parent(root, path, make=True) as (parent, name):
            if _is_link(parent, name):
                refuse_links(root, path)
            replace(parent, name, fill)
            if lasting:
                os.fsync(parent)
    except OSError as error:
        if error.errno in _LINK_ERRORS:
            raise _refused(error, root, path) from None
        if error.errno == errno.EISDIR:
            raise InputError.of("is a folder, where a file is to be", where=path, hint="remove it") from None
        error.filename = str(root / path)
        raise


@contextmanager
def _parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder of a path, component by component; give it with the path's last name."""
    *folders, name = path.split("/")
    if not name or any(part in ("", ".", "..") for part in (*folders, name)):
        raise InputError.of("is not a path below the project", where=path)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=handle)
            inner = os.open(folder, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle, name
    finally:
        os.close(handle)


def _is_link(parent: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _refused(error: OSError, root: Path, path: str) -> InputError:
    if error.errno in _LINK_ERRORS:
        refuse_links(root, path)
        return InputError.of("is no folder, or below a file", where=path)
    return InputError.of(f"cannot be read: {error.strerror}", where=path)
