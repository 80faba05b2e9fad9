"""The earlier lock that the pins of an image come from, and whether anything has to be chosen at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from onedigest.digest import is_digest
from onedigest.errors import InputError, Problem, generating
from onedigest.formats import LOCK_FILE
from onedigest.merge_conflicts import sides
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.leftovers import find_gone, renamed
from onedigest.workspace.locks import lock_problems
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock

_OF_A_SCRIPT = ("entrypoint", "name", "repository", "script")
"""What a spec says of the names of script and image, which may have changed."""


def earlier_lock(context: Context, image: ScriptImage) -> Lock | None:
    """Return the lock whose pins an image keeps: its own, or that of a script that is gone and asked for the same.

    Of a lock that cannot be read as a whole, what is left counts, and it is said. Raises `InputError` for that of a
    newer release, which is not to be undone.
    """
    from onedigest.lock import text as codec
    from onedigest.lock.metadata import format_problem, is_newer, stated
    from onedigest.lock.salvage import decided, salvage_lock
    from onedigest.rules.files import read

    text, where = None, shown(image.lock_path)
    try:
        text = read(image.lock_path)
        if text is None:
            return _lock_of_renamed(context, image)
        return codec.loads(text, where)
    except InputError as error:
        newer = [found for side in sides(text or "") if is_newer(found := stated(side))]
        if newer and (refusal := format_problem(newer[0], where)):
            raise InputError([refusal]) from None
        left, problem = salvage_lock(text) if text else None, error.problems[0]
        kept = "the pins that can be read are kept" if left else "none of its pins can be read"
        image.warn(Problem(f"{problem.message}; {kept}", problem.where))
        if differing := decided(text or ""):
            message = f"the sides of the merge differ, and the first one counts: {', '.join(differing)}"
            hint = f"to let one move, run `{generating(image.spec.script)} --upgrade-package NAME`"
            image.warn(Problem(message, where, hint))
        return left


def answers(image: ScriptImage, lock: Lock) -> bool:
    """Tell whether a lock is what would be chosen: intact, an answer to the script, and of the files that are there.

    The code of local projects may have changed.
    """
    from onedigest.lock.local_files import is_of_files
    from onedigest.lock.staleness import refuse_other_answer
    from onedigest.rules.files import read

    if lock_problems(image, read(image.lock_path), lambda _: ""):
        return False
    try:
        refuse_other_answer(image.spec, lock, shown(image.lock_path))
        refuse_other_hashes(image, lock)
    except InputError:
        return False
    return is_of_files(image.spec, lock, image.script_folder)


def refuse_other_hashes(image: ScriptImage, lock: Lock) -> None:
    """Raise `InputError` for a wheel that is not among those that a project's own lock allows."""
    problems = []
    for package in lock.packages:
        allowed = image.recipe.hashes.get(package.name) if image.recipe else None
        for wheel in sorted({wheel for _, wheel in package.wheels}):
            # other algorithms were held against the file when it was locked
            if allowed and wheel.digest not in allowed and all(map(is_digest, allowed)):
                message = f"`{wheel.name}` is not among the files that the project's lock has of {package.name}"
                problems.append(
                    Problem(message, image.script.where(""), "lock the project anew, such as with `uv lock`")
                )
    if problems:
        raise InputError(problems)


def _lock_of_renamed(context: Context, image: ScriptImage) -> Lock | None:
    """Return the lock of a script or image that is gone and asked for the same but for its name; several are said."""
    from onedigest.definition.spec import fields
    from onedigest.lock import text as codec
    from onedigest.rules.files import read

    wanted = _without_names(fields(image.spec))
    found: dict[str, Lock] = {}
    gone = [(each, f"whose script {each.script} is gone") for each in find_gone(image.folder.parent)]
    gone += [(renamed(folder / LOCK_FILE, image.spec.script), "whose image is gone") for folder in image.left]
    for leftover, reason in gone:
        path = leftover.folder / image.lock_path.name
        try:
            lock = codec.loads(read(path) or "", shown(path))
        except InputError:
            continue
        if _without_names(json.loads(lock.asked)) == wanted:
            found[f"{shown(leftover.folder)}, {reason}"] = lock
    if len({(lock.packages, lock.base) for lock in found.values()}) > 1:
        message = f"several locks ask for the same, and no pin is kept: {'; '.join(found)}"
        image.warn(Problem(message, image.spec.script))
        return None
    for place, lock in found.items():
        context.noticed(f"{image.spec.name}: pins kept from {place}")
        return lock
    return None


def _without_names(asked: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in asked.items() if key not in _OF_A_SCRIPT}
