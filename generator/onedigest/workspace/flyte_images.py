"""The Flyte images that a command means, and what onedigest is asked of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import read_inside
from onedigest.definition.script import MOST_BYTES
from onedigest.errors import InputError, Problem, generating
from onedigest.formats import LOCK_FILE
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.flyte_hints import placing
from onedigest.workspace.flyte_names import (
    Claims,
    choose_names,
    list_names,
    list_names_of_unread,
    read_found,
    refuse_taken,
)
from onedigest.workspace.leftovers import renamed, unheard
from onedigest.workspace.script_image import ScriptImage, make_image

if TYPE_CHECKING:
    from onedigest.definition.flyte.definition import Definition
    from onedigest.definition.flyte.syntax import FoundImages


def read_images(
    context: Context, path: Path, data: bytes, name: str, *, claims: Claims, passes: bool = False
) -> list[ScriptImage] | None:
    """Return the images of Flyte that a script has, or the one with a name; None for a script that has none.

    With `passes` the images that only running the script can read are passed over, which is said. Raises `InputError`
    with the problems of all images, where they are asked for.
    """
    found = read_found(context, path, data)
    if found is None:
        return None
    names = choose_names(context, path, list_names(context, path, found.definitions), claims)
    left = _left(context, path, found, names, claims)
    images: list[ScriptImage] = []
    problems: list[Problem] = [*found.problems, *(() if passes else found.unread)]
    for definition, own in zip(found.definitions, names, strict=True):
        if name in ("", own):
            try:
                images.append(replace(_make(context, definition, path, own, found), left=left))
            except InputError as error:
                problems += error.problems
    if name and not (name in names or problems or passes or found.unread):
        message, hint = f"the script has no image `{name}` any more", _hint(path, names)
        raise InputError.of(message, where=shown(path), hint=hint)
    if problems and not (name and images):
        raise InputError(problems)
    context.warn(_passed(each) for each in found.unread if passes)
    for image in images:
        context.warn(image.script.warnings)
    return images


def flyte_image(
    context: Context, definition: Definition, script: Path | None = None, siblings: Sequence[Definition] = ()
) -> ScriptImage:
    """Return what onedigest is asked of an image of Flyte, by the name that it has among all images of its script.

    `script` is what the lock is of, if not the file that defines the image. Of an image that is not in the script's
    text, `siblings` are the others that the SDK knows of the same script. Raises `InputError`.
    """
    from onedigest.definition.flyte.lock_names import without_bundles
    from onedigest.definition.flyte.syntax import FoundImages

    path, claims = script or Path(definition.file), Claims()
    left: tuple[Path, ...] = ()
    data = read_inside(path, context.root_of(path), shown(path), MOST_BYTES)
    found, asked = read_found(context, path, data) or FoundImages(()), without_bundles(definition)
    written = [without_bundles(each) for each in found.definitions]
    path = path.resolve()  # a lock is of the file that a link leads to
    if asked in written:
        names = choose_names(context, path, list_names(context, path, found.definitions), claims)
        name, left = names[written.index(asked)], _left(context, path, found, names, claims)
    else:
        several = list_names_of_unread(context, path, found, definition, siblings)
        (name,) = choose_names(context, path, several[:1], claims)
        if definition.environments:  # those of the others are known too
            left = _others(context, path, {each for names in several for each in names}, claims)
    image = replace(_make(context, definition, path, name, found), left=left)
    refuse_taken(context, image)
    if not image.lock_path.exists():
        tell = renamed if asked in written else unheard
        context.warn(tell(folder / LOCK_FILE, image.spec.script).problem() for folder in left)
    return image


def _make(context: Context, definition: Definition, path: Path, name: str, found: FoundImages) -> ScriptImage:
    from onedigest.definition.flyte.recipe import make_recipe

    place = placing(context, definition, path)
    try:
        recipe = make_recipe(definition, root=context.root(path.parent), shown=shown, script=path, name=name)
        read = tuple(each for each in dict.fromkeys((*recipe.read, *found.read)) if each != path)
        image = make_image(context, recipe.script, path, replace(recipe, read=read))
    except InputError as error:
        raise InputError(map(place, error.problems)) from None
    return replace(image, place=place, warn=lambda problem: image.warn(place(problem)))


def _left(context: Context, path: Path, found: FoundImages, names: Sequence[str], claims: Claims) -> tuple[Path, ...]:
    """Return the folders of locks of a script that are of none of its images, as far as all of them are known."""
    return () if found.problems or found.unread else _others(context, path, names, claims)


def _others(context: Context, path: Path, names: Collection[str], claims: Claims) -> tuple[Path, ...]:
    """Return the folders of locks of a script that have none of some names."""
    folder = context.lockfiles_of(context.project(path.parent))
    locked = claims.locked(folder, shown(path, context.root(path.parent)))
    return tuple(folder / name for name in locked if name not in names)


def _passed(problem: Problem) -> Problem:
    message = f"{problem.message}, so it is passed over"
    return Problem(message, problem.where, "its lock is checked by the builder, when Flyte has it build the image")


def _hint(script: Path, names: Sequence[str]) -> str:
    return (
        f"its images are {', '.join(names)}; `{generating(shown(script))} --prune` removes the lock, and keeps its pins"
    )
