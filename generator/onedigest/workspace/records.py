"""The reading of an image's record by a command, and what is wrong with a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onedigest.errors import DifferenceError, InputError, Problem
from onedigest.merge_conflicts import MARKS, first_line
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.plan.record import Record


def read_record(context: Context, image: ScriptImage, *, locked: bool) -> Record | None:
    """Return what the last build gave, None where there is no record.

    One that a merge left in conflict is none, nor is that of another image: with `locked` there is nothing to compare
    with.
    """
    from onedigest.plan import record as records
    from onedigest.rules.files import read

    text, where = read(image.record_path), shown(image.record_path)
    if text is None:
        message = "no build is recorded"
    elif line := first_line(text):
        message, where = MARKS, f"{where}:{line}"
    elif (record := records.loads(text, where)).name == image.spec.name:
        return record
    else:
        message = _other_image(record)
    if locked:
        raise DifferenceError.of(f"--locked: {message}", where=where, hint="run `onedigest build` without --locked")
    if text is not None:
        context.said(f"{where}: {message}, so it counts as no record")
    return None


def record_problems(image: ScriptImage) -> list[Problem]:
    """Return why the record of an image says nothing of it."""
    from onedigest.plan import record as records
    from onedigest.rules.files import read

    where, hint = shown(image.record_path), f"run `onedigest build {image.spec.name}`, which writes it anew"
    text = read(image.record_path)
    if text is None:
        return []
    try:
        record = records.loads(text, where)
    except InputError as error:
        delete = "" if first_line(text) else "delete it, and "
        return [Problem(each.message, each.where, f"{delete}{hint}") for each in error.problems]
    if record.name != image.spec.name:
        return [Problem(_other_image(record), where, hint)]
    return []


def _other_image(record: Record) -> str:
    return f"is the record of another image, `{record.name}`"
