"""Results on disk, complete or not there at all: an OCI layout, or a layer as a tree."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from onedigest.assembler.entry import Entry
from onedigest.assembler.image import LAYOUT, Image, layout_index
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar import MTIME

_SWAPS = 20

Place = Callable[[Path, Path], object]
"""Makes the second path a file with the content of the first: a copy or a link."""


@contextmanager
def replaced(output: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of `output` when the context ends well."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.is_symlink():
        raise Refused("output", f"{output}: a symbolic link is not followed")
    with scratch_beside(output) as scratch:
        new = scratch / "new"
        new.mkdir(mode=0o755)
        yield new
        _swap(new, output)


@contextmanager
def scratch_beside(output: Path) -> Iterator[Path]:
    """Give a new folder beside an output, held while the context lasts; those that killed runs left are removed."""
    parent, prefix = output.parent, f".onedigest-{output.name}-"
    beside, own = os.open(parent, os.O_RDONLY), -1
    try:
        with suppress(OSError):  # where there are no locks, nothing is removed
            fcntl.flock(beside, fcntl.LOCK_EX)  # whoever removes must not meet a folder that nobody holds yet
            _remove_abandoned(parent, prefix)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        own = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(own, fcntl.LOCK_EX)
    finally:
        os.close(beside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(own)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove folders of that kind which no process holds."""
    for path in sorted(parent.iterdir()):
        if path.name.startswith(prefix):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                with suppress(OSError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)


def _swap(new: Path, output: Path) -> None:
    """Put a folder in the place of another, also when another process does the same at this moment."""
    for attempt in range(_SWAPS):
        if output.exists():
            with suppress(FileNotFoundError):
                output.rename(new.with_name(f"old{attempt}"))
        try:
            new.rename(output)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _SWAPS - 1:
                raise
        else:
            return


def write_layout(
    image: Image, blobs: Mapping[str, Path], output: Path, place: Place = shutil.copyfile, index: bytes = b""
) -> None:
    """Write an OCI layout; `blobs` says where the layers are, by digest, and `index` is its index.json, if another."""
    with replaced(output) as folder:
        (folder / "blobs" / "sha256").mkdir(parents=True)
        for digest, document in sorted(image.documents().items()):
            _write_lasting(_blob(folder, digest), document)
        for layer in image.layers():
            place(blobs[layer.digest], _blob(folder, layer.digest))
        _write_lasting(folder / "oci-layout", LAYOUT)
        _write_lasting(folder / "index.json", index or layout_index(image))
        for each in (folder / "blobs" / "sha256", folder / "blobs", folder):
            _synchronize(each)


def write_tree(entries: Iterable[Entry], output: Path) -> None:
    """Write the entries of a layer as files, with modes and times; owners only where they are not root."""
    with replaced(output) as folder:
        folders: list[Entry] = []
        for entry in entries:
            _write_entry(folder, entry)
            if entry.kind == "dir":
                folders.append(entry)
            else:
                _set_attributes(folder / entry.path, entry)
        for entry in reversed(folders):  # last: a mode may give the folder's group to what is made in it
            _set_attributes(folder / entry.path, entry)
        os.utime(folder, (MTIME, MTIME))


def _write_entry(folder: Path, entry: Entry) -> None:
    path = folder / entry.path
    if entry.kind == "dir":
        path.mkdir()
    elif entry.kind == "link":
        path.symlink_to(entry.target)
    elif entry.kind == "hardlink":
        path.hardlink_to(folder / entry.target)
    else:
        _write_file(path, entry)


def _write_lasting(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _synchronize(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_file(path: Path, entry: Entry) -> None:
    with path.open("xb") as file:
        for piece in [entry.content] if isinstance(entry.content, bytes) else entry.content.pieces():
            file.write(piece)


def _set_attributes(path: Path, entry: Entry) -> None:
    if entry.uid or entry.gid:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != "link":
        path.chmod(entry.mode)
    os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / "sha256" / digest.partition(":")[2]
