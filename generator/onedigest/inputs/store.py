"""Knows the content store of a user: files named by their sha256, complete and verified, or not there at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from onedigest.digest import Digest, hex_of, of_file
from onedigest.inputs.seal import read_key, sealed, unsealed

STAMP = 315619200
"""The modification time of a stored file, in seconds. A file that was written to since has another one."""


_OWNED = ".owned"


class Store:
    """A folder of immutable files; several processes may use it at once.

    `key` is where the key is kept that its notes are sealed with. `removed` has the digests of stored files that were
    found to hold something else.
    """

    def __init__(self, root: Path, key: Path | None = None) -> None:
        self.root = root
        self.removed: list[str] = []
        self._key = key or root / "key"
        self._secret = b""
        self._proven: set[str] = set()

    def path(self, digest: str) -> Path:
        """Return where the content with that digest is, or would be."""
        name = hex_of(digest)
        return self.root / "sha256" / name[:2] / name

    def has(self, digest: str, size: int | None = None) -> bool:
        """Tell whether the content is there, unchanged since it was verified."""
        return is_stamped(self.path(digest), size)

    def proves(self, digest: str, size: int | None = None) -> bool:
        """Tell whether the content is there, by hashing it once in this process; another content is removed."""
        path = self.path(digest)
        if digest in self._proven:
            return self.has(digest, size)
        if not path.is_file():
            return False
        if of_file(path) != digest:
            path.unlink()
            self.removed.append(digest)
            return False
        self._proven.add(digest)
        return self.has(digest, size)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a new folder on the store's file system, and remove it with what is left in it."""
        from tempfile import mkdtemp

        scratch = self.root / "scratch"
        # whoever cleans up must not meet a folder that is there and not owned yet
        with exclusive(scratch):
            _remove_abandoned(scratch)
            folder = Path(mkdtemp(dir=scratch))
            owned = (folder / _OWNED).open("wb")
            fcntl.flock(owned, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            owned.close()

    def keep(self, file: Path, digest: str) -> Path:
        """Move a file, whose content the caller has verified, to its name."""
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(0o444)
        os.utime(file, (STAMP, STAMP))
        file.replace(target)
        return target

    def add(self, data: bytes) -> Digest:
        """Keep bytes; return their digest."""
        with self.scratch() as folder:
            file = folder / "data"
            file.write_bytes(data)
            digest = of_file(file)
            self.keep(file, digest)
        return digest

    def place(self, digest: str, size: int, target: Path) -> None:
        """Make `target` the stored file, unless it is that already, unchanged."""
        stored = self.path(digest)
        if not (is_stamped(target, size) and target.samefile(stored)):
            link(stored, target)

    @contextmanager
    def partial(self, digest: str) -> Iterator[IO[bytes]]:
        """Open the part of a download that is there, for this process alone; it stays for the next try."""
        file = self.root / "partial" / hex_of(digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield opened

    def finish_partial(self, digest: str) -> None:
        """Give a complete and verified download its name."""
        self.keep(self.root / "partial" / hex_of(digest), digest)

    def read_note(self, name: str) -> bytes | None:
        """Return a small note that this machine kept under a name, such as what a layer key stands for."""
        try:
            text = (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        return unsealed(self._read_key(), name, text)

    def write_note(self, name: str, data: bytes) -> None:
        """Keep a small note under a name; the last one counts."""
        write_atomically(self.root / name, sealed(self._read_key(), name, data))

    def _read_key(self) -> bytes:
        if not self._secret:
            self._secret = read_key(self._key)
        return self._secret


def _remove_abandoned(scratch: Path) -> None:
    """Remove what killed runs left: folders whose lock no process holds."""
    for folder in sorted(scratch.iterdir()):
        with suppress(OSError), (folder / _OWNED).open("rb") as owned:
            fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone, while a part of it that several processes share is changed."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_stamped(path: Path, size: int | None = None) -> bool:
    """Tell whether a file has the time stamp of verified content, and the size where one is given."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return found.st_mtime == STAMP and (size is None or found.st_size == size)


def link(source: Path, target: Path) -> None:
    """Make `target` the same content as a stored file: a hard link, or a copy where there can be none."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir=target.parent, prefix=".onedigest-") as folder:
        new = Path(folder) / "file"
        try:
            os.link(source, new)
        except OSError:
            shutil.copyfile(source, new)
            new.chmod(0o444)
        new.replace(target)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name in the same folder, then rename it."""
    from tempfile import mkstemp

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(dir=path.parent, prefix=".onedigest-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
