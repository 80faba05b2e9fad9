"""The entries of a recipe's layer, made of inputs that have their digests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from onedigest.assembler.commands import BELOW, LAYERS, Given
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.digest import of_file
from onedigest.errors import InputError
from onedigest.plan.layers import Input, Recipe
from onedigest.store import Store, is_stamped

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, slots=True)
class Materials:
    """Where inputs are. With `prove` nothing counts that was not hashed, whatever was noted."""

    inputs: Path
    store: Store
    prove: bool


def entries_of(recipe: Recipe, materials: Materials) -> list[Entry]:
    """Return the entries of a recipe's layer. Raises `Refused`, and `InputError` for inputs that are not its own."""
    from onedigest.engines.workers import inflater

    given = Given(
        options=dict(recipe.options),
        inputs=_inputs(recipe, materials),
        below=next((_verified(each, materials) for each in recipe.inputs if each.flag == BELOW), None),
        files=((file.target, file.content, file.executable) for file in recipe.files),
        inflater=inflater(),
    )
    return LAYERS[recipe.command].entries(given)


def refusing(make: Callable[[], Made]) -> Made:
    """Make something of inputs. Raises `InputError` for one that no image can be made of."""
    try:
        return make()
    except Refused as refused:
        raise InputError.of(str(refused), hint="the file is not fit for an image; choose another version") from None


def _inputs(recipe: Recipe, materials: Materials) -> list[Path]:
    """Return the inputs that a layer is made of; with `prove` all of them are, whatever was noted."""
    from onedigest.engines.workers import inflater

    paths = {each.name: _verified(each, materials) for each in recipe.inputs if each.flag != BELOW}
    if not paths or materials.prove or not LAYERS[recipe.command].settles:
        return list(paths.values())
    from onedigest.engines.shared_path_inputs import inputs_that_matter

    return inputs_that_matter(recipe, paths, materials.store, inflater())


def _verified(given: Input, materials: Materials) -> Path:
    """Return an input that has its digest: it is the store's own file, unchanged, or it is hashed."""
    path, store = materials.inputs / given.name, materials.store
    shown = f"{path.parent.name}/{given.name}"
    if not path.is_file():
        raise InputError.of(f"`{shown}` is missing", hint="run `onedigest fetch`")
    there, stored = store.prove if materials.prove else store.has, store.path(given.digest)
    if is_stamped(path, given.size) and there(given.digest, given.size) and path.samefile(stored):
        return path
    if path.stat().st_size != given.size or of_file(path) != given.digest:
        raise InputError.of(
            f"`{shown}` is not the file of the lock: its size or sha256 differs",
            hint="delete it, and run `onedigest fetch`",
        )
    return path
