"""The fetching of all that images need, and of what other engines take from here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from onedigest.errors import InputError, Problem
from onedigest.wording import amount, plural
from onedigest.workspace.context import Context
from onedigest.workspace.fetch_inputs import fetch_inputs_of
from onedigest.workspace.interpreters import interpreter_finder
from onedigest.workspace.locks import chosen_platforms, prove_base, read_lock
from onedigest.workspace.results import FetchResult
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.wheel_problems import placed, wheel_problems

if TYPE_CHECKING:
    from onedigest.lock.model import Lock


def fetch_images(context: Context, images: Iterable[ScriptImage], platforms: tuple[str, ...] = ()) -> list[FetchResult]:
    """Bring the inputs of locks, for some platforms or for all of them.

    Raises `InputError` with all wheels of which no image can be made, when everything is there.
    """
    from onedigest.plan.inputs import inputs_of

    results = []
    unfit: dict[Problem, None] = {}
    for image in images:
        lock = read_lock(image)
        prove_base(context, image, lock)
        named = chosen_platforms(lock, platforms)
        chosen = inputs_of(lock, named)
        count = fetch_inputs_of(context, image, lock, chosen)
        place_named_assemblers(context, image)
        files, total = chosen.count(), chosen.size()
        results.append(FetchResult(name=image.spec.name, files=files, bytes=total, fetched=count))
        state = f"{count} fetched" if count else "all there"
        context.said(f"{image.spec.name}: {plural(files, 'input')}, {amount(total)}, {state}")
        problems = wheel_problems(context, image, lock, named)
        unfit |= dict.fromkeys(problems)
        if not problems:
            _place_encoded(context, image, lock)
    if unfit:
        raise InputError(unfit)
    return results


def place_named_assemblers(context: Context, image: ScriptImage) -> None:
    """Put the assemblers that the rules of an image and of its folder name among the inputs. Raises `InputError`."""
    from onedigest.fetching import place_assemblers
    from onedigest.rules.assemblers import named_assemblers

    named = named_assemblers(image.folder.parent.resolve(), [image.spec.name])
    place_assemblers(context.store, image.inputs, named)


def _place_encoded(context: Context, image: ScriptImage, lock: Lock) -> None:
    """Make what the other engines take from here, where the packages of all platforms are there."""
    from onedigest.definition.files import collect
    from onedigest.engines.prepared import place_encoded
    from onedigest.fetching import link_cached
    from onedigest.plan.arrange import arrange
    from onedigest.plan.inputs import inputs_of_layers, prepared_layers

    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder))
    if not link_cached(context.store, image.inputs, inputs_of_layers(lock, prepared_layers(plan))).count():
        find = interpreter_finder(context, image, lock)
        try:
            place_encoded(plan, inputs=image.inputs, store=context.store, workers=context.workers, find=find)
        except InputError as error:
            raise placed(image, lock, error) from None
