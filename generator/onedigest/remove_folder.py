"""The removal of a folder that strangers' programs wrote into, whatever its modes, and however deep it is."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp


def remove(folder: Path) -> None:
    """Remove a folder with what is in it, as far as that is possible."""
    with suppress(OSError):
        folder.chmod(0o700)
        top = Path(mkdtemp(dir=folder))
        waiting, number = _empty(folder, top, 0)
        while waiting:
            place = waiting.pop()
            inner, number = _empty(place, top, number)
            waiting += inner
            with suppress(OSError):
                place.rmdir()
    shutil.rmtree(folder, ignore_errors=True)


def _empty(place: Path, top: Path, number: int) -> tuple[list[Path], int]:
    """Remove the files of a folder; return its folders, each moved to the top, and the number that is free.

    Folders in each other may have a longer path than the system can name, and be too many for a recursion.
    """
    moved = []
    with suppress(OSError), os.scandir(place) as entries:
        for entry in list(entries):
            path = Path(entry.path)
            with suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                elif path != top:
                    path.chmod(0o700)
                    moved.append(path.rename(top / str(number)))
                    number += 1
    return moved, number
