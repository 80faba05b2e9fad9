"""Knows how a command says what is wrong with wheels that are on this machine, before any layer is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from onedigest.cli.image import Image
from onedigest.cli.session import Session
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.platforms import Platform


def wheel_problems(session: Session, image: Image, lock: Lock, platforms: Iterable[Platform]) -> list[Problem]:
    """Warn of what is odd about the wheels of some platforms; return why no image can be made of others."""
    from onedigest.wheel_check.check import check
    from onedigest.wheel_check.found import Found

    found = check(lock, platforms, session.store)
    if found == Found():
        return []
    from onedigest.wheel_check.wording import Asking, refusals, warnings

    asking = Asking(spec=image.spec, lock=lock, line_of=image.line_of, of_flyte=image.recipe is not None)
    for problem in warnings(found, asking):
        image.warn(image.place(problem))
    return list(map(image.place, refusals(found, asking)))


def refuse_unfit_wheels(session: Session, image: Image, lock: Lock, platforms: Iterable[Platform]) -> None:
    """Warn as above. Raises `InputError` with all wheels of which no image can be made."""
    if problems := wheel_problems(session, image, lock, platforms):
        raise InputError(problems)
