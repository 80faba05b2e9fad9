"""The content store of a user: files named by their sha256, complete and verified, or not there at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from onedigest.checkout import link_file, write_bytes
from onedigest.digest import Digest, hex_of, is_digest, of_bytes, of_file
from onedigest.errors import InputError
from onedigest.remove_folder import remove
from onedigest.seal import read_key, sealed, unsealed
from onedigest.untrusted import inner_path

STAMP = 315619200
"""The modification time of a stored file, in seconds. A file that was written to since has another one."""

_OWNED = ".owned"
_PRIVATE, _OTHERS = 0o700, 0o077
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EINVAL)
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class Store:
    """A folder of immutable files, the user's alone; several processes may use it at once.

    `key` is where the key is kept that its notes are sealed with. `removed` has the digests of stored files that were
    found to hold something else.
    """

    def __init__(self, root: Path, key: Path | None = None) -> None:
        self.root = root
        self.removed: list[str] = []
        self._key = key or root / "key"
        self._secret = b""
        self._proven: dict[str, tuple[int, int]] = {}

    def path(self, digest: str) -> Path:
        """Return where the content with that digest is, or would be. Raises ValueError for what is no digest."""
        if not is_digest(digest):
            raise ValueError(f"{digest[:80]!r} is not a sha256 digest")
        name = hex_of(digest)
        return self.root / "sha256" / name[:2] / name

    def has(self, digest: str, size: int | None = None) -> bool:
        """Tell whether the content is there, unchanged since it was verified."""
        return is_stamped(self.path(digest), size)

    def prove(self, digest: str, size: int | None = None) -> bool:
        """Tell whether the content is there, by hashing it once for this process; another content is removed."""
        path = self.path(digest)
        if not self.has(digest, size):
            return False
        if self._proven.get(digest) != _state(path):
            if of_file(path) != digest:
                path.unlink()
                self.removed.append(digest)
                return False
            self._proven[digest] = _state(path)
        return True

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a new folder on the store's file system, and remove it with what is left in it."""
        from tempfile import mkdtemp

        scratch = self._private("scratch")
        # what is there at any moment is removed, also when a signal comes right then
        with _named(self.root), ExitStack() as left:
            # whoever cleans up must not meet a folder that is there and not owned yet
            with exclusive(scratch):
                _remove_abandoned(scratch)
                folder = Path(mkdtemp(dir=scratch))
                left.callback(remove, folder)
                owned = left.enter_context((folder / _OWNED).open("wb"))
                left.callback(remove, folder)  # first of all, as long as it is owned
                _lock(owned.fileno(), folder)
            yield folder

    def remove_abandoned(self) -> None:
        """Remove what killed runs left; what cannot be looked at stays.

        Work that needs a scratch folder does it as well, and work with nothing to do needs none.
        """
        scratch = self.root / "scratch"
        with suppress(OSError, InputError):
            if any(scratch.iterdir()):
                with exclusive(scratch):
                    _remove_abandoned(scratch)

    def add_file(self, file: Path, digest: str) -> Path:
        """Move a file, whose content the caller has verified, to its name; it is on the disk before it has it."""
        target = self.path(digest)
        self._private("sha256", target.parent.name)
        with _named(self.root), file.open("rb") as opened:
            os.fchmod(opened.fileno(), stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o444)
            os.utime(opened.fileno(), (STAMP, STAMP))
            os.fsync(opened.fileno())
        file.replace(target)
        self._proven[digest] = _state(target)
        return target

    def add(self, data: bytes) -> Digest:
        """Keep bytes; return their digest."""
        with self.scratch() as folder:
            file = folder / "data"
            file.write_bytes(data)
            digest = of_file(file)
            self.add_file(file, digest)
        return digest

    def place(self, digest: str, size: int, target: Path) -> None:
        """Make `target` the stored file, unless it is that already, unchanged; no link in its folder is followed."""
        stored = self.path(digest)
        if not (is_stamped(target, size) and target.samefile(stored)):
            is_proven = self._proven.get(digest) == _state(stored)
            link_file(target.parents[1], f"{target.parent.name}/{target.name}", stored)
            if is_proven:  # a further link is a change, too
                self._proven[digest] = _state(stored)

    @contextmanager
    def partial(self, digest: str) -> Iterator[IO[bytes]]:
        """Open the part of a download that is there, for this process alone; it stays for the next try."""
        with _named(self.root), self._partial(digest).open("a+b") as opened:
            _lock(opened.fileno(), self.root)
            yield opened

    def finish_partial(self, digest: str) -> None:
        """Give a complete and verified download its name."""
        self.add_file(self._partial(digest), digest)

    def read_note(self, name: str) -> bytes | None:
        """Return a small note that this machine kept under a name, such as what a layer key stands for."""
        key = self._read_key()  # before workers are forked, which then have it too
        try:
            text = (self.root / inner_path(name)).read_bytes()
        except FileNotFoundError:
            return None
        return unsealed(key, name, text)

    def write_note(self, name: str, data: bytes) -> None:
        """Keep a small note under a name; the last one counts."""
        *folders, _ = inner_path(name).split("/")
        self._private(*folders)
        with _named(self.root):
            write_bytes(self.root, name, sealed(self._read_key(), name, data), lasting=False)

    def _read_key(self) -> bytes:
        if not self._secret:
            self._secret = read_key(self._key)
        return self._secret

    def _partial(self, digest: str) -> Path:
        """Return where the part of a download is: under a name of our own, whatever a digest should be."""
        return self._private("partial") / hex_of(of_bytes(self.path(digest).name.encode()))

    def _private(self, *names: str) -> Path:
        """Return a folder of the store that is the user's alone, like those above it."""
        folder = self.root
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_private(folder)
        for name in names:
            folder /= name
            _make_private(folder)
        return folder


def _state(path: Path) -> tuple[int, int]:
    """Return which file a path is and when it was changed last, a time that nobody can set."""
    found = path.stat()
    return found.st_ino, found.st_ctime_ns


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=_PRIVATE)
    found = folder.stat()
    if stat.S_ISDIR(found.st_mode) and found.st_mode & _OTHERS:
        try:
            folder.chmod(_PRIVATE)
        except PermissionError:
            raise InputError.of(
                "the folder is another user's, and open to others",
                where=str(folder),
                hint="set XDG_CACHE_HOME to a folder of your own",
            ) from None


def _remove_abandoned(scratch: Path) -> None:
    """Remove what killed runs left: folders whose lock no process holds."""
    for folder in sorted(scratch.iterdir()):
        if not (folder / _OWNED).exists():  # a program of a killed run wrote after the folder was removed
            remove(folder)
        with suppress(OSError), (folder / _OWNED).open("rb") as owned:
            fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)


@contextmanager
def exclusive(folder: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a folder for this process alone, while a part of it that several processes share is changed.

    `waiting` is called where another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise InputError.of(
            "a symbolic link is not followed", where=str(folder), hint="replace it by what it names"
        ) from None
    try:
        _lock(handle, folder, waiting)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, place: Path, waiting: Callable[[], object] = lambda: None) -> None:
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise InputError.of(
            f"the file system has no locks for files: {error.strerror}",
            where=str(place),
            hint="use a folder on a disk of this machine; that of the cache is set by XDG_CACHE_HOME",
        ) from None


@contextmanager
def _named(place: Path) -> Iterator[None]:
    """Name the place in the error of a disk that takes no more, which the system leaves out where a file is open."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _DISK:
            error.filename = str(place)
        raise


def is_stamped(path: Path, size: int | None = None) -> bool:
    """Tell whether a file has the time stamp of verified content, and the size where one is given."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_mtime == STAMP and (size is None or found.st_size == size)


def link(source: Path, target: Path) -> None:
    """Make `target` the same content as a stored file: a hard link, or a copy where there can be none."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir=target.parent, prefix=".onedigest-") as folder:
        new = Path(folder) / "file"
        try:
            os.link(source, new)
        except OSError:
            shutil.copyfile(source, new)
            new.chmod(stat.S_IMODE(new.stat().st_mode) & 0o444)
        new.replace(target)
