"""Knows how files of an earlier commit are read: the one door to git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from onedigest.errors import EngineError, InputError


def read_committed(path: Path, revision: str) -> str | None:
    """Return the text that a file had in a revision, None where there was none.

    Raises `InputError` for what is no revision, and `EngineError` where git is missing.
    """
    git = shutil.which("git")
    if git is None:
        raise EngineError.of("git is not installed", hint="name an image to compare with")
    full = path.resolve()
    folder = next(each for each in full.parents if each.is_dir())

    def ask(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([git, *arguments], cwd=folder, capture_output=True, check=False)

    if ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").returncode:
        raise InputError.of(
            f"`{revision}` is neither an image nor a revision of git",
            hint="name an image, a layout, a reference HOST/NAME:TAG or a revision",
        )
    found = ask("show", f"{revision}:./{full.relative_to(folder).as_posix()}")
    return found.stdout.decode("utf-8", "replace") if found.returncode == 0 else None
