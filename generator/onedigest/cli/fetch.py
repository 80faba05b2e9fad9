"""The command `onedigest fetch`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.image import Image
from onedigest.cli.images import find_images
from onedigest.cli.locks import chosen_platforms, prove_base, read_lock
from onedigest.cli.progress import Progress
from onedigest.cli.reaching import sources
from onedigest.cli.session import Session, shared_options
from onedigest.cli.wheels import wheel_problems
from onedigest.cli.words import amount, plural, print_json, say
from onedigest.errors import InputError, Problem

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.plan.inputs import Inputs


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only the inputs of a platform.")
@shared_options
def command(names: tuple[str, ...], everything: bool, platforms: tuple[str, ...], **options: Any) -> int:
    """Bring the inputs of locks: the only step that needs the network.

    Wheels, Debian packages and base layers are verified, kept in the user's store, and linked into lockfiles/.inputs.
    Wheels of which no image can be made are told together, when everything is there.
    """
    from onedigest.plan.inputs import inputs_of

    session = Session(**options)
    done = []
    unfit: dict[Problem, None] = {}
    for image in find_images(session, names, everything=everything):
        lock = read_lock(image)
        prove_base(session, image, lock)
        named = chosen_platforms(lock, platforms)
        chosen = inputs_of(lock, named)
        count = bring(session, image, lock, chosen)
        place_named_assemblers(session, image)
        _place_encoded(session, image, lock)
        files, total = chosen.count(), chosen.size()
        done.append({"name": image.spec.name, "files": files, "bytes": total, "fetched": count})
        if not session.silent:
            state = f"{count} fetched" if count else "all there"
            say(f"{image.spec.name}: {plural(files, 'input')}, {amount(total)}, {state}")
        unfit |= dict.fromkeys(wheel_problems(session, image, lock, named))
    if unfit:
        raise InputError(unfit)
    if session.as_json:
        print_json({"images": done})
    return 0


def place_named_assemblers(session: Session, image: Image) -> None:
    """Put the assemblers that the rules of an image and of its folder name among the inputs. Raises `InputError`."""
    from onedigest.fetching import place_assemblers
    from onedigest.rules.assemblers import named_assemblers

    named = named_assemblers(image.folder.parent.resolve(), [image.spec.name])
    place_assemblers(session.store, image.inputs, named)


def _place_encoded(session: Session, image: Image, lock: Lock) -> None:
    """Make what the other engines take from here, where the packages of all platforms are there."""
    from onedigest.definition.files import collect
    from onedigest.engines.prepared import place_encoded
    from onedigest.fetching import link_stored
    from onedigest.plan.arrange import arrange
    from onedigest.plan.inputs import inputs_of_layers, prepared_layers

    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder))
    if not link_stored(session.store, image.inputs, inputs_of_layers(lock, prepared_layers(plan))).count():
        place_encoded(plan, inputs=image.inputs, store=session.store, workers=session.workers)


def bring(
    session: Session, image: Image, lock: Lock, chosen: Inputs, arrived: Callable[[str], None] = lambda _: None
) -> int:
    """Put inputs into lockfiles/.inputs, with progress; return how many were not in the store.

    `arrived` is told the name of each as soon as it is there.
    """
    from onedigest.fetching import fetch, link_stored, without_witness

    missing = link_stored(session.store, image.inputs, chosen)
    built = without_witness(session.store, lock, chosen)
    missing = replace(missing, wheels=tuple(dict.fromkeys((*missing.wheels, *built))))
    for name in sorted(chosen.names() - missing.names()):
        arrived(name)
    if missing.count():
        title = f"{image.spec.name}: fetching"
        with Progress(title, missing.size(), quiet=session.silent) as progress:
            source = sources(session, image, progress.advance)
            folder, inputs = image.script_folder, image.inputs
            fetch(
                image.spec,
                lock,
                source,
                folder=folder,
                inputs=inputs,
                missing=missing,
                author=image.author(),
                arrived=arrived,
            )
    return missing.count()
