"""The Flyte images that a command means, and what onedigest is asked of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import read_inside
from onedigest.cli.flyte_hints import placing
from onedigest.cli.flyte_names import Claims, choose_names, list_names, list_names_of_unread, read_found, refuse_taken
from onedigest.cli.image import Image, make_image
from onedigest.cli.leftovers import renamed, unheard
from onedigest.cli.session import Session
from onedigest.cli.words import shown
from onedigest.definition.script import MOST_BYTES
from onedigest.errors import InputError, Problem, generating
from onedigest.formats import LOCK_FILE

if TYPE_CHECKING:
    from onedigest.definition.flyte.definition import Definition
    from onedigest.definition.flyte.syntax import Found


def read_images(
    session: Session, path: Path, data: bytes, name: str, *, claims: Claims, passes: bool = False
) -> list[Image] | None:
    """Return the images of Flyte that a script has, or the one with a name; None for a script that has none.

    With `passes` the images that only running the script can read are passed over, which is said. Raises `InputError`
    with the problems of all images, where they are asked for.
    """
    found = read_found(session, path, data)
    if found is None:
        return None
    names = choose_names(session, path, list_names(session, path, found.definitions), claims)
    left = _left(session, path, found, names, claims)
    images: list[Image] = []
    problems: list[Problem] = [*found.problems, *(() if passes else found.unread)]
    for definition, own in zip(found.definitions, names, strict=True):
        if name in ("", own):
            try:
                images.append(replace(_make(session, definition, path, own, found), left=left))
            except InputError as error:
                problems += error.problems
    if name and not (name in names or problems or passes or found.unread):
        message, hint = f"the script has no image `{name}` any more", _hint(path, names)
        raise InputError.of(message, where=shown(path), hint=hint)
    if problems and not (name and images):
        raise InputError(problems)
    session.warn(_passed(each) for each in found.unread if passes)
    for image in images:
        session.warn(image.script.warnings)
    return images


def flyte_image(
    session: Session, definition: Definition, script: Path | None = None, siblings: Sequence[Definition] = ()
) -> Image:
    """Return what onedigest is asked of an image of Flyte, by the name that it has among all images of its script.

    `script` is what the lock is of, if not the file that defines the image. Of an image that is not in the script's
    text, `siblings` are the others that the SDK knows of the same script. Raises `InputError`.
    """
    from onedigest.definition.flyte.naming import without_bundles
    from onedigest.definition.flyte.syntax import Found

    path, claims = script or Path(definition.file), Claims()
    left: tuple[Path, ...] = ()
    data = read_inside(path, session.root_of(path), shown(path), MOST_BYTES)
    found, asked = read_found(session, path, data) or Found(()), without_bundles(definition)
    written = [without_bundles(each) for each in found.definitions]
    path = path.resolve()  # a lock is of the file that a link leads to
    if asked in written:
        names = choose_names(session, path, list_names(session, path, found.definitions), claims)
        name, left = names[written.index(asked)], _left(session, path, found, names, claims)
    else:
        several = list_names_of_unread(session, path, found, definition, siblings)
        (name,) = choose_names(session, path, several[:1], claims)
        if definition.environments:  # those of the others are known too
            left = _others(session, path, {each for names in several for each in names}, claims)
    image = replace(_make(session, definition, path, name, found), left=left)
    refuse_taken(session, image)
    if not image.lock_path.exists():
        tell = renamed if asked in written else unheard
        session.warn(tell(folder / LOCK_FILE, image.spec.script).problem() for folder in left)
    return image


def _make(session: Session, definition: Definition, path: Path, name: str, found: Found) -> Image:
    from onedigest.definition.flyte.recipe import make_recipe

    place = placing(session, definition, path)
    try:
        recipe = make_recipe(definition, root=session.root(path.parent), shown=shown, script=path, name=name)
        read = tuple(each for each in dict.fromkeys((*recipe.read, *found.read)) if each != path)
        image = make_image(session, recipe.script, path, replace(recipe, read=read))
    except InputError as error:
        raise InputError(map(place, error.problems)) from None
    return replace(image, place=place, warn=lambda problem: image.warn(place(problem)))


def _left(session: Session, path: Path, found: Found, names: Sequence[str], claims: Claims) -> tuple[Path, ...]:
    """Return the folders of locks of a script that are of none of its images, as far as all of them are known."""
    return () if found.problems or found.unread else _others(session, path, names, claims)


def _others(session: Session, path: Path, names: Collection[str], claims: Claims) -> tuple[Path, ...]:
    """Return the folders of locks of a script that have none of some names."""
    folder = session.lockfiles_of(session.project(path.parent))
    locked = claims.locked(folder, shown(path, session.root(path.parent)))
    return tuple(folder / name for name in locked if name not in names)


def _passed(problem: Problem) -> Problem:
    message = f"{problem.message}, so it is passed over"
    return Problem(message, problem.where, "its lock is checked by the builder, when Flyte has it build the image")


def _hint(script: Path, names: Sequence[str]) -> str:
    return (
        f"its images are {', '.join(names)}; `{generating(shown(script))} --prune` removes the lock, and keeps its pins"
    )
