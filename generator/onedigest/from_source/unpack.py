"""An archive of source as a folder: nothing leaves it, whatever the archive says, and all is bounded."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from onedigest.errors import InputError
from onedigest.from_source.symlinks import real_place
from onedigest.store import STAMP

MOST_FILES = 100_000
MOST_BYTES = 2 << 30
"""What an archive may unpack to, all files together."""

_MOST_HEADER = 1 << 20
_LONGEST_PATH = 4096
_LONGEST_NAME = 255
_CHUNK = 1 << 20
_LONG = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_FAULTS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    LookupError,
    struct.error,
)
"""What the readers of the standard library raise for archives that are none."""


class _InvalidArchive(Exception):
    """Something in an archive is not taken; the text says what, in words that follow its name."""


class _ArchiveMember(NamedTuple):
    path: str
    kind: str
    """`dir`, `file`, `link` (symbolic) or `hardlink`."""
    is_executable: bool
    target: str
    content: IO[bytes] | None


def unpack_file(archive: Path, target: Path, what: str, where: str) -> None:
    """Unpack a tar, however compressed, or a zip file into a new folder.

    Raises `InputError` for what is neither, for members that leave the folder, for devices, and for too much.
    """
    target.mkdir(parents=True)
    try:
        _write(_members(archive), target)
    except _InvalidArchive as error:
        raise InputError.of(f"{what} {error}", where=where) from None
    except _FAULTS as error:
        reason = str(error)[:200] or type(error).__name__
        raise InputError.of(f"{what} cannot be unpacked: {reason}", where=where) from None


def _members(archive: Path) -> Iterator[_ArchiveMember]:
    with archive.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"PK"):
            yield from _members_of_zip(file)
        elif head.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as opened:
                yield from _members_of_tar(cast(IO[bytes], opened))
        elif head.startswith(b"BZh"):
            with bz2.BZ2File(file) as opened:
                yield from _members_of_tar(opened)
        elif head == b"\xfd7zXZ\0" or head.startswith(b"]\0\0"):
            with lzma.LZMAFile(file) as opened:
                yield from _members_of_tar(opened)
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            raise _InvalidArchive("is compressed with zstd, which is not read here: name a .tar.gz of it")
        else:
            yield from _members_of_tar(file)


class _Header(tarfile.TarInfo):
    """A header of which none makes a reader hold much in memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
        """Read a header."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in _LONG and found.size > _MOST_HEADER:
            raise _InvalidArchive(f"has a header of more than {_MOST_HEADER} bytes")
        return found


class _Bounded:
    """A stream that ends in an error where it has too much."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._left = 2 * MOST_BYTES

    def read(self, count: int) -> bytes:
        """Return some bytes."""
        data = self._source.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise _InvalidArchive(f"unpacks to more than {MOST_BYTES} bytes")
        return data


def _members_of_tar(stream: IO[bytes]) -> Iterator[_ArchiveMember]:
    with tarfile.open(fileobj=cast(IO[bytes], _Bounded(stream)), mode="r|", tarinfo=_Header) as tar:
        for each in tar:
            kind = {
                tarfile.DIRTYPE: "dir",
                tarfile.SYMTYPE: "link",
                tarfile.LNKTYPE: "hardlink",
            }.get(each.type, "file" if each.isreg() and not each.issparse() else "")
            if not kind:
                raise _InvalidArchive(f"has {each.name[:200]!r}, which is neither file, folder nor link")
            content = tar.extractfile(each) if kind == "file" else None
            yield _ArchiveMember(each.name, kind, bool(each.mode & stat.S_IXUSR), each.linkname, content)


def _members_of_zip(file: IO[bytes]) -> Iterator[_ArchiveMember]:
    with zipfile.ZipFile(file) as archive:
        for each in archive.infolist():
            mode = each.external_attr >> 16
            kind = {stat.S_IFLNK: "link", stat.S_IFDIR: "dir"}.get(stat.S_IFMT(mode), "file")
            if each.is_dir():
                kind = "dir"
            with archive.open(each) as content:
                target = content.read(_LONGEST_PATH + 1).decode() if kind == "link" else ""
                yield _ArchiveMember(
                    each.filename, kind, bool(mode & stat.S_IXUSR), target, content if kind == "file" else None
                )


def _write(members: Iterator[_ArchiveMember], target: Path) -> None:
    links: dict[str, str] = {}
    count = size = 0
    for member in members:
        count += 1
        if count > MOST_FILES:
            raise _InvalidArchive(f"has more than {MOST_FILES} files")
        path = _inner(member.path)
        if not path:
            continue
        links.pop(path, None)
        if member.kind == "link":
            _remove(target / path)
            links[path] = member.target
        elif member.kind == "dir":
            _make_folder(target, path)
        else:
            _make_folder(target, path.rpartition("/")[0])
            if member.kind == "hardlink":
                size += _write_same(target, path, _inner(member.target))
            elif member.content:
                size += _write_file(
                    target / path, member.content, MOST_BYTES - size, is_executable=member.is_executable
                )
        if size > MOST_BYTES:
            raise _InvalidArchive(f"unpacks to more than {MOST_BYTES} bytes")
    for path, text in sorted(links.items()):
        _write_link(target, path, text)
    for path in sorted(links):
        _check_link(target, path)


def _inner(name: str) -> str:
    """Return the path of a member from the top; empty for the top itself."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    is_wrong = name.startswith("/") or ".." in parts or "\0" in name or len(name) > _LONGEST_PATH
    if is_wrong or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        raise _InvalidArchive(f"has {name[:200]!r}, which is no path in it")
    return "/".join(parts)


def _make_folder(target: Path, path: str) -> None:
    """Make a folder and those above it, all of them real: no link is written before the end."""
    place = target / path
    if place.is_file():
        raise _InvalidArchive(f"has {path[:200]!r} as a file, and files below it")
    place.mkdir(parents=True, exist_ok=True)


def _remove(place: Path) -> None:
    if place.is_dir():
        raise _InvalidArchive("has one path as a folder and as something else")
    place.unlink(missing_ok=True)


def _write_file(place: Path, content: IO[bytes], most: int, *, is_executable: bool) -> int:
    _remove(place)
    size = 0
    with place.open("xb") as file:
        while chunk := content.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise _InvalidArchive(f"unpacks to more than {MOST_BYTES} bytes")
            file.write(chunk)
    place.chmod(0o755 if is_executable else 0o644)
    os.utime(place, (STAMP, STAMP))
    return size


def _write_same(target: Path, path: str, origin: str) -> int:
    """Write what a hard link names, which came before it."""
    source = target / origin
    if not origin or not source.is_file() or origin == path:
        raise _InvalidArchive(f"has {path[:200]!r} as a link to {origin[:200]!r}, which is no file in it")
    _remove(target / path)
    shutil.copy2(source, target / path)
    return source.stat().st_size


def _write_link(target: Path, path: str, text: str) -> None:
    if not text or text.startswith("/") or "\0" in text or len(text) > _LONGEST_PATH:
        raise _InvalidArchive(f"has {path[:200]!r} as a link that leaves it")
    _make_folder(target, path.rpartition("/")[0])
    _remove(target / path)
    (target / path).symlink_to(text)


def _check_link(target: Path, path: str) -> None:
    real = real_place(target / path)
    if real is not None and not real.is_relative_to(target.resolve()):
        raise _InvalidArchive(f"has {path[:200]!r} as a link that leaves it")
