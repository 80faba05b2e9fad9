"""The fetching of some inputs of a lock: wheels, Debian packages, base layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from onedigest.workspace.context import Context
from onedigest.workspace.image_sources import sources
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.plan.inputs import Inputs


def fetch_inputs_of(
    context: Context, image: ScriptImage, lock: Lock, chosen: Inputs, arrived: Callable[[str], None] = lambda _: None
) -> int:
    """Put inputs into lockfiles/.inputs, with progress; return how many were not in the store.

    `arrived` is told the name of each as soon as it is there.
    """
    from onedigest.fetching import built_elsewhere, fetch_inputs, link_cached

    missing = link_cached(context.store, image.inputs, chosen)
    built = built_elsewhere(context.store, lock, chosen)
    missing = replace(missing, wheels=tuple(dict.fromkeys((*missing.wheels, *built))))
    for name in sorted(chosen.names() - missing.names()):
        arrived(name)
    if missing.count():
        title = f"{image.spec.name}: fetching"
        with context.events.progress(title, missing.size()) as progress:
            source = sources(context, image, progress.advance)
            folder, inputs = image.script_folder, image.inputs
            fetch_inputs(
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
