"""The images on this disk as sources: an OCI layout, as a folder or an archive, which no link or name leaves."""

from __future__ import annotations

import io
import posixpath
import stat
from pathlib import Path
from typing import IO, Literal

from onedigest import checkout
from onedigest.digest import hex_of, is_digest, of_bytes
from onedigest.errors import InputError
from onedigest.oci.documents import DOCUMENT_BYTES, MOST_ROWS, check_descriptor, list_rows, parse
from onedigest.oci.media import MANIFEST_TYPES
from onedigest.oci.tar_members import read_members

_MOST_BLOBS = 100_000


class LocalImage:
    """What both forms of a layout have in common (image-layout.md)."""

    name: str

    def top(self) -> tuple[str, bytes]:
        """Return the document that the layout's index names first."""
        index = parse(self.read("index.json"), f"{self.name}/index.json")
        row = check_descriptor(self.name, list_rows(self.name, index, "manifests", MOST_ROWS)[0], MANIFEST_TYPES)
        return row["mediaType"], self.document(row["digest"], row["size"], manifest=True)

    def document(self, digest: str, size: int, *, manifest: bool) -> bytes:  # noqa: ARG002  a file is a file
        """Return a blob."""
        data = self.read(self.where(digest))
        if len(data) != size:
            raise InputError.of(f"{len(data)} bytes, {size} in its descriptor", where=self.where(digest))
        if (found := of_bytes(data)) != digest:
            raise InputError.of(f"the content has the digest {found}", where=self.where(digest))
        return data

    def where(self, digest: str) -> str:
        """Return a blob's path in the layout."""
        if not is_digest(digest):
            raise InputError.of(f"{digest[:80]!r} is not a digest", where=self.name)
        return f"blobs/sha256/{hex_of(digest)}"

    def read(self, path: str) -> bytes:
        """Return the content of a small file of the layout."""
        raise NotImplementedError


class Layout(LocalImage):
    """A folder with an OCI layout. Its files may be links, such as to each other, that stay in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def read(self, path: str) -> bytes:
        """Return the content of a small file of the layout."""
        return checkout.read_inside(self.path / path, self.path, str(self.path / path), DOCUMENT_BYTES)

    def blob(self, digest: str) -> Path:
        """Return where a layer is. Raises `InputError` for one that is missing, outside, or no regular file."""
        where = self.where(digest)
        try:
            path = (self.path / where).resolve()
            inside = path.is_relative_to(self.path.resolve())
            if not inside:
                raise InputError.of("is a link that leaves the layout", where=where, hint="replace it by a real file")
            regular = stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:
            raise InputError.of("the layer is missing", where=where) from None
        except (OSError, RuntimeError) as error:
            raise InputError.of(f"cannot be read: {getattr(error, 'strerror', None) or error}", where=where) from None
        if not regular:
            raise InputError.of("is not a regular file", where=where)
        return path

    def present(self) -> list[str]:
        """Return the names of all blobs, sorted."""
        try:
            return sorted(path.name for path in (self.path / "blobs" / "sha256").iterdir())
        except OSError as error:
            raise InputError.of(f"not an OCI layout: {error.strerror}", where=self.name) from None


class LayoutArchive(LocalImage):
    """An archive of an OCI layout. It is read where it is: nothing of it becomes a file, whatever its names say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._places: dict[str, tuple[int, int]] = {}
        with path.open("rb") as file:
            stream = _Seekable(file)
            try:
                for member in read_members(stream):
                    self._note(member.name, member.kind, file.tell(), member.stored)
            except InputError as error:
                raise InputError.of(f"not an OCI archive: {error.problems[0].message}", where=self.name) from None

    def read(self, path: str) -> bytes:
        """Return the content of a small file of the layout."""
        if path not in self._places:
            raise InputError.of(f"not an OCI archive: it has no `{path}`", where=self.name)
        start, size = self._places[path]
        if size > DOCUMENT_BYTES:
            raise InputError.of(f"has more than {DOCUMENT_BYTES} bytes", where=f"{self.name}/{path}")
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def blob(self, digest: str) -> Part:
        """Return where a layer is. Raises `InputError` for one that is missing."""
        where = self.where(digest)
        if where not in self._places:
            raise InputError.of("the layer is missing", where=where)
        return Part(self.path, *self._places[where])

    def present(self) -> list[str]:
        """Return the names of all blobs, sorted."""
        return sorted(posixpath.basename(each) for each in self._places if each.startswith("blobs/sha256/"))

    def _note(self, name: str, kind: str, start: int, size: int) -> None:
        path = name.removeprefix("./")
        if path.startswith("/") or ".." in path.split("/"):
            raise InputError.of(f"it has {name[:200]!r}, which leads out of it")
        if kind == "dir":
            return
        if path in self._places:
            raise InputError.of(f"it has {name[:200]!r} twice")
        if kind != "file":
            raise InputError.of(f"{name[:200]!r} is no plain file in it")
        if len(self._places) == _MOST_BLOBS:
            raise InputError.of(f"it has more than {_MOST_BLOBS} files")
        self._places[path] = (start, size)


class Part:
    """A part of a file, which can be opened as if it were one."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._path, self._start, self._size = path, start, size

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:  # noqa: ARG002  there is no other
        """Open the part for reading."""
        return io.BufferedReader(_Window(self._path.open("rb", buffering=0), self._start, self._size), 1 << 16)


class _Window(io.RawIOBase):
    def __init__(self, file: io.FileIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a protocol that is private
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Seekable:
    """A file that is read forwards, and passes over what is not wanted without reading it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        return self._file.read(size)

    def skip(self, size: int) -> int:
        """Pass over the next bytes; return how many there were."""
        there = min(size, self._size - self._file.tell())
        self._file.seek(there, io.SEEK_CUR)
        return there
