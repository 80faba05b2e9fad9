"""The folders of the store that interpreters are in: each named by all of its content, and proven before it is used."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from onedigest.bytecode.own_python import LOADER, PYTHON
from onedigest.digest import Digest, canonical_json, hex_of, of_bytes, of_file
from onedigest.remove_folder import remove
from onedigest.store import Store, exclusive

_FOLDER = "pythons"
_NOTES = "python-of"
_MOST = 20_000
"""Files of a folder; ours has fewer by far."""


def find_folder(store: Store, key: Digest) -> Path | None:
    """Return the folder that was made under a key, if its content is what was written then.

    Another one is left to `make_folder`, which holds the lock: it may be one that another process has mended meanwhile.
    """
    note = store.read_note(f"{_NOTES}/{hex_of(key)}")
    if note is None:
        return None
    folder = _folder(store, note.decode())
    return folder if _is_whole(folder, note.decode()) else None


def make_folder(store: Store, key: Digest, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder of the store, which is there whole or not at all; return it.

    Several processes may do so at once, and one that is killed leaves a scratch folder alone. Paths are plain ones.
    """
    with store.scratch() as scratch:
        made = scratch / "python"
        for path, data in files.items():
            place = made / path
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.write_bytes(data)
            place.chmod(0o500 if path == LOADER or path.startswith(f"{PYTHON}/") else 0o400)
        digest = _digest(made)
        folder = _folder(store, digest)
        folder.parent.mkdir(exist_ok=True, mode=0o700)
        with exclusive(folder.parent):
            if not _is_whole(folder, digest):
                remove(folder)
                made.rename(folder)
    store.write_note(f"{_NOTES}/{hex_of(key)}", digest.encode())
    return folder


def mount_point(store: Store) -> Path:
    """Return an empty folder, above which a program that is shut in has its own root."""
    folder = store.root / _FOLDER / "root"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _folder(store: Store, digest: str) -> Path:
    return (store.root / _FOLDER / hex_of(Digest(digest))).absolute()


def _is_whole(folder: Path, digest: str) -> bool:
    try:
        return folder.is_dir() and not folder.is_symlink() and _digest(folder) == digest
    except (OSError, ValueError):
        return False


def _digest(folder: Path) -> Digest:
    """Return the digest of all that is in a folder. Raises `ValueError` where there is more than plain files."""
    rows = sorted(_rows(folder, folder))
    return of_bytes(canonical_json([list(row) for row in rows]))


def _rows(folder: Path, top: Path) -> Iterator[tuple[str, int, str]]:
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number > _MOST:
                raise ValueError(f"{folder} has more than {_MOST} entries")
            path = Path(entry.path)
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                yield from _rows(path, top)
            elif stat.S_ISREG(found.st_mode):
                yield path.relative_to(top).as_posix(), stat.S_IMODE(found.st_mode), of_file(path)
            else:
                raise ValueError(f"{path} is no plain file")
