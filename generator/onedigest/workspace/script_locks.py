"""The lock that uv has for a script, which gives the first pins, and whose differences are reported."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING

from onedigest import checkout
from onedigest.errors import InputError, Problem
from onedigest.untrusted import MOST_LOCK
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.lock.script_lock import ScriptLock, ScriptPins

_ENDING = ".lock"
"""What uv adds to the name of a script."""


def first_pins(context: Context, image: ScriptImage, moving: Collection[str]) -> ScriptPins | None:
    """Return what uv pinned for a script that has no lock yet, and say so; `moving` are packages that are to move."""
    found = _script_lock(image, "none of its pins is taken")
    if found is None:
        return None
    context.noticed(f"{image.spec.name}: pins taken from {found.place}")
    return found.pins(moving)


def warn_of_difference(image: ScriptImage, lock: Lock) -> None:
    """Warn where uv's lock of a script and ours pin other versions."""
    from onedigest.lock.script_lock import disagreement

    found = _script_lock(image, f"it is not held against {shown(image.lock_path)}")
    if found and (differences := found.differences(lock)):
        image.warn(disagreement(differences, found.place, image.spec.script, shown(image.folder)))


def _script_lock(image: ScriptImage, otherwise: str) -> ScriptLock | None:
    """Return uv's lock of a script, None where there is none; one that cannot be used is a warning."""
    name = basename(image.spec.script) + _ENDING
    if image.recipe or not image.script_folder.joinpath(name).exists():
        return None
    from onedigest.lock.script_lock import lock_command, read_script_lock

    place, hint = shown(image.script_folder / name), f"run `{lock_command(image.spec.script)}`"
    try:
        text = checkout.read_text(image.script_folder, name, MOST_LOCK)
        found = read_script_lock(text or "", place)
    except InputError as error:
        for problem in error.problems:
            message = f"{problem.message}; {otherwise}"
            image.warn(replace(problem, message=message, where=problem.where or place, hint=problem.hint or hint))
        return None
    if moved := found.moved(image.spec):
        message = f"is of other {' and '.join(moved)} than {image.spec.script} has now; {otherwise}"
        image.warn(Problem(message, place, hint))
        return None
    return found
