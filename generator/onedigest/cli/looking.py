"""Knows how a command says what an image lacks, before anybody runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onedigest.cli.image import Image
from onedigest.cli.session import Session

if TYPE_CHECKING:
    from onedigest.application import File
    from onedigest.lock.model import Lock
    from onedigest.plan.layers import Plan


def look_at(session: Session, image: Image, lock: Lock, files: Sequence[File], plan: Plan) -> None:
    """Warn of what an image lacks, as far as its inputs are on this machine. Nothing is fetched but a list of files."""
    from onedigest.missing.look import Looked, look

    looked = Looked(
        spec=image.spec,
        lock=lock,
        files=files,
        platforms=[each.platform for each in plan.platforms],
        plan=plan.digest(),
        folder=image.script_folder,
        place=image.script.path,
        where=lambda key: image.script.where(f"tool.onedigest.{key}"),
    )
    for problem in look(looked, session.store, lambda _: None):
        image.warn(problem)
