"""What a script asks for in vain is said when it is locked, whichever platform lacks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from full_case import SPEC
from onedigest.definition.script import parse
from onedigest.errors import Problem
from onedigest.lock.base.account import Account
from onedigest.lock.base.image import ImageBase
from onedigest.platforms import AMD64, ARM64
from onedigest.workspace.locked_warnings import warn_locked
from onedigest.workspace.script_image import ScriptImage
from unit.plan.test_base_folders import with_image


def test_variable_that_one_platform_of_the_base_lacks_is_named_once() -> None:
    lock = with_image(has_workdir=True, account=Account(home="/home/me", has_home=True))
    assert isinstance(lock.base, ImageBase)
    known = lock.base.images[0]
    images = (replace(known, platform=AMD64, env=("LIBS=/x",)), replace(known, platform=ARM64, env=()))
    lock = replace(lock, base=replace(lock.base, images=images), platforms=(AMD64, ARM64))
    spec = replace(SPEC, env=(("A", "/y:$LIBS"), ("B", "$NONE")), expand_env=("A", "B"), run=())
    said: list[Problem] = []
    warn_locked(
        ScriptImage(
            script=parse(b"# /// script\n# dependencies = []\n# ///\n", "app.py"),
            spec=spec,
            script_folder=Path(),
            folder=Path(),
            warn=said.append,
        ),
        lock,
    )

    assert [(each.message, each.hint) for each in said] == [
        (
            f"`$NONE` in the value of 'B' is empty: {lock.base.reference} does not set it",
            "leave it out, or write `${NONE:-word}`",
        ),
        (
            f"`$LIBS` in the value of 'A' is empty: {lock.base.reference} does not set it",
            "leave it out, or write `${LIBS:-word}`",
        ),
    ]
