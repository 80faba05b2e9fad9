"""The report of what is wrong with wheels on this machine, before any layer is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from onedigest.errors import InputError, Problem
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.platforms import Platform
    from onedigest.wheel_check.messages import Requesters

_COMMAND = re.compile(r"run\[(\d{1,6})\]")


def wheel_problems(context: Context, image: ScriptImage, lock: Lock, platforms: Iterable[Platform]) -> list[Problem]:
    """Warn of what is odd about the wheels of some platforms; return why no image can be made of others."""
    from onedigest.wheel_check.check import check
    from onedigest.wheel_check.findings import WheelFindings

    found = check(lock, platforms, context.store)
    if found == WheelFindings():
        return []
    from onedigest.wheel_check.messages import refusals, warnings

    requesters = _asking(image, lock)
    for problem in warnings(found, requesters):
        image.warn(image.place(problem))
    return list(map(image.place, refusals(found, requesters)))


def placed(image: ScriptImage, lock: Lock, error: InputError) -> InputError:
    """Return an error of an engine; where it names no place, it gets the line that asks for the wheel it is about.

    A command of `run`, which is named by its number, gets its line.
    """
    from onedigest.wheel_check.messages import placed as of_wheel

    def place(problem: Problem) -> Problem:
        if match := _COMMAND.fullmatch(problem.where):
            text = image.spec.run[int(match[1])]
            return image.place(replace(problem, where=image.script.where_text(text, "tool.onedigest.run")))
        return problem if problem.where else image.place(of_wheel(problem, requesters))

    requesters = _asking(image, lock)
    return InputError(map(place, error.problems))


def _asking(image: ScriptImage, lock: Lock) -> Requesters:
    from onedigest.wheel_check.messages import Requesters

    return Requesters(spec=image.spec, lock=lock, line_of=image.line_of, of_flyte=image.recipe is not None)


def tell_wheels(context: Context, image: ScriptImage, lock: Lock, unfit: Callable[[Problem], object]) -> None:
    """Warn of what is odd about wheels; `unfit` takes why no image can be made of one, which stops no lock."""
    for problem in wheel_problems(context, image, lock, lock.platforms):
        unfit(problem)


def refuse_unfit_wheels(context: Context, image: ScriptImage, lock: Lock, platforms: Iterable[Platform]) -> None:
    """Warn of what is odd about wheels. Raises `InputError` with all of which no image can be made."""
    if problems := wheel_problems(context, image, lock, platforms):
        raise InputError(problems)
