"""The report of what is wrong with wheels on this machine, before any layer is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from onedigest.cli.image import Image
from onedigest.cli.session import Session
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.platforms import Platform
    from onedigest.wheel_check.wording import Asking


def wheel_problems(session: Session, image: Image, lock: Lock, platforms: Iterable[Platform]) -> list[Problem]:
    """Warn of what is odd about the wheels of some platforms; return why no image can be made of others."""
    from onedigest.wheel_check.check import check
    from onedigest.wheel_check.found import Found

    found = check(lock, platforms, session.store)
    if found == Found():
        return []
    from onedigest.wheel_check.wording import refusals, warnings

    asking = _asking(image, lock)
    for problem in warnings(found, asking):
        image.warn(image.place(problem))
    return list(map(image.place, refusals(found, asking)))


def placed(image: Image, lock: Lock, error: InputError) -> InputError:
    """Return an error of an engine; where it names no place, it gets the line that asks for the wheel it is about."""
    from onedigest.wheel_check.wording import placed as of_wheel

    asking = _asking(image, lock)
    return InputError(
        problem if problem.where else image.place(of_wheel(problem, asking)) for problem in error.problems
    )


def _asking(image: Image, lock: Lock) -> Asking:
    from onedigest.wheel_check.wording import Asking

    return Asking(spec=image.spec, lock=lock, line_of=image.line_of, of_flyte=image.recipe is not None)


def tell_wheels(session: Session, image: Image, lock: Lock, unfit: Callable[[Problem], object]) -> None:
    """Warn of what is odd about wheels; `unfit` takes why no image can be made of one, which stops no lock."""
    for problem in wheel_problems(session, image, lock, lock.platforms):
        unfit(problem)


def refuse_unfit_wheels(session: Session, image: Image, lock: Lock, platforms: Iterable[Platform]) -> None:
    """Warn of what is odd about wheels. Raises `InputError` with all of which no image can be made."""
    if problems := wheel_problems(session, image, lock, platforms):
        raise InputError(problems)
