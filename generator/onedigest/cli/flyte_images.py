"""Knows which images of Flyte a command means, and what onedigest is asked of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.image import Image, make_image
from onedigest.cli.session import Session
from onedigest.cli.words import shown
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.flyte.definition import Definition


def read_images(session: Session, path: Path, data: bytes, name: str) -> list[Image] | None:
    """Return the images of Flyte that a script has, or the one with a name; None for a script that has none.

    Raises `InputError` with the problems of all of them, where they are asked for.
    """
    from onedigest.flyte.syntax import find_images
    from onedigest.script import canonical_text

    where = shown(path)
    found = find_images(canonical_text(data, where), path, where)
    if not (found.definitions or found.problems or found.unread):
        return None
    images: list[Image] = []
    problems: list[Problem] = [*found.problems, *found.unread]
    for definition in found.definitions:
        try:
            image = flyte_image(session, definition)
        except InputError as error:
            problems += error.problems
            continue
        if image.spec.name == name:
            session.warn(image.script.warnings)
            return [image]
        images.append(image)
    if problems:
        raise InputError(problems)
    if name:
        raise InputError.of(f"the script has no image `{name}` any more", where=where, hint=_named(images))
    for image in images:
        session.warn(image.script.warnings)
    return images


def flyte_image(session: Session, definition: Definition) -> Image:
    """Return what onedigest is asked of an image of Flyte. Raises `InputError`."""
    from onedigest.flyte.recipe import make_recipe

    path = Path(definition.file)
    recipe = make_recipe(definition, root=session.root(path.parent), shown=shown)
    return make_image(session, recipe.script, path, recipe)


def _named(images: list[Image]) -> str:
    return f"its images are {', '.join(image.spec.name for image in images)}"
