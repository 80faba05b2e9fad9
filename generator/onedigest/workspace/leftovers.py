"""Locks whose script no longer exists: how they are found, named and removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from onedigest.checkout import read_head, remove_empty, remove_file
from onedigest.errors import Problem, generating
from onedigest.formats import LOCK_FILE, RECORD_FILE
from onedigest.header import HEAD, MARK, stated_script
from onedigest.untrusted import relative_path
from onedigest.wording import shown
from onedigest.workspace.script_image import ScriptImage

_LONGEST_HEAD = 16 << 10

_HINT = (
    "run `onedigest generate --prune`, which removes it; if the script has another name now, generate that first,"
    " which keeps the pins"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A lock folder of an image that is gone. `script` is the path that its lock states, `reason` why it is one.

    `hint` says how it is removed.
    """

    folder: Path
    script: str
    reason: str
    hint: str = _HINT

    def problem(self) -> Problem:
        """Return what is to be said of it."""
        return Problem(self.reason, shown(self.folder / LOCK_FILE), self.hint)


def find_gone(lockfiles: Path) -> list[Leftover]:
    """Return the locks of a folder whose scripts are not there any more; no link is followed."""
    return [each for lock in sorted(lockfiles.glob(f"*/{LOCK_FILE}")) if (each := gone(lock)) is not None]


def gone(lock: Path) -> Leftover | None:
    """Return a lock as a leftover where its script is not there any more."""
    script = stated(lock)
    if not script or _exists(lock.parent.parent.resolve().parent, script):
        return None
    return Leftover(folder=lock.parent, script=script, reason=f"its script {script} is gone")


def find_renamed(lockfiles: Path, images: Iterable[ScriptImage]) -> list[Leftover]:
    """Return the locks of scripts that are there, whose images have other names now.

    Only scripts count of which all `images` are given.
    """
    named: dict[str, set[str]] = {}
    for image in images:
        if image.folder.parent.resolve() == lockfiles.resolve():
            named.setdefault(image.spec.script, set()).add(image.spec.name)
    found = []
    for lock in sorted(lockfiles.glob(f"*/{LOCK_FILE}")):
        script, name = stated(lock), lock.parent.name
        if script in named and name not in named[script]:
            found.append(renamed(lock, script))
    return found


def renamed(lock: Path, script: str) -> Leftover:
    """Return a lock as a leftover whose script is there and has no image of its name."""
    return Leftover(
        folder=lock.parent,
        script=script,
        reason=f"{script} has no image `{lock.parent.name}` any more",
        hint=f"run `{generating(script)} --prune`, which removes it; an image that asks for the same keeps its pins",
    )


def unheard(lock: Path, script: str) -> Leftover:
    """Return a lock as a leftover of a script whose environments have no image of its name; a text cannot tell."""
    return Leftover(
        folder=lock.parent,
        script=script,
        reason=f"no environment of {script} has an image `{lock.parent.name}`",
        hint=f"delete the folder `{lock.parent.name}`, unless something else builds that image",
    )


def stray(path: Path) -> Problem:
    """Return that a lock, or another file beside it, is of no image."""
    what = "is the lock of no image" if path.name == LOCK_FILE else "has the layers of no image"
    return Problem(what, shown(path), f"delete the folder `{path.parent.name}`, and run `onedigest generate --all`")


def remove(leftover: Leftover, names: Iterable[str]) -> list[str]:
    """Remove those files of a lock folder that have these names and are ours, and the folder; return what is left."""
    root, folder = leftover.folder.parent.parent, f"{leftover.folder.parent.name}/{leftover.folder.name}"
    for name in (*names, RECORD_FILE, LOCK_FILE):  # the lock last: a killed run is begun again by it
        if MARK.encode() in read_head(root, f"{folder}/{name}", HEAD):
            remove_file(root, f"{folder}/{name}")
    if remove_empty(root, folder):
        return []
    return sorted(path.name for path in leftover.folder.iterdir())


def stated(lock: Path) -> str:
    """Return the path of the script that a lock is generated from, or nothing for what is no lock of ours."""
    head = read_head(lock.parent.parent, f"{lock.parent.name}/{lock.name}", _LONGEST_HEAD)
    return stated_script(head.decode("utf-8", "replace").replace("\r\n", "\n"))


def _exists(root: Path, script: str) -> bool:
    """Tell whether a script is there; what a lock states that is no path below the project is for others to refuse."""
    try:
        return (root / relative_path(script)).exists()
    except (ValueError, OSError):
        return True
