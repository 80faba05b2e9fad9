"""Knows how files of an earlier commit are read: the one door to git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from onedigest.errors import EngineError, InputError
from onedigest.untrusted import MOST_TEXT

_CALM = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    # a folder of a checkout may look like a repository, with settings of a stranger
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.fsmonitor=false"),
)


def read_committed(path: Path, revision: str) -> str | None:
    """Return the text that a file had in a revision, None where there was none.

    Raises `InputError` for what is no revision, or no text of ours, and `EngineError` where git is missing.
    """
    git = shutil.which("git")
    if git is None:
        raise EngineError.of("git is not installed", hint="name an image to compare with")
    full = path.resolve()
    # from here git finds this repository, and none that a folder further below pretends to be
    top = next((each for each in full.parents if (each / ".git").exists()), None)

    def ask(*arguments: str) -> bytes | None:
        done = subprocess.run(
            [git, *_CALM, *arguments], cwd=top, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return None if done.returncode else done.stdout

    commit = top and ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not top or not commit:
        raise InputError.of(
            f"`{revision}` is neither an image nor a revision of git",
            hint="name an image, a layout, a reference HOST/NAME:TAG or a revision",
        )
    blob = f"{commit.decode().strip()}:{full.relative_to(top).as_posix()}"
    size = ask("cat-file", "-s", blob)
    if size is None:
        return None
    if int(size) > MOST_TEXT:
        raise InputError.of(f"the file at {revision} has more than {MOST_TEXT} bytes", where=path.name)
    # unlike `git show`, this runs no filter that the repository may name
    content = ask("cat-file", "blob", blob)
    return None if content is None else content.decode("utf-8", "replace")
