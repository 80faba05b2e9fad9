"""The report of what scripts of Debian packages would have done and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from onedigest.errors import NetworkError, Problem
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock
    from onedigest.sources import Sources


def say_undone(context: Context, image: ScriptImage, lock: Lock, make_sources: Callable[[], Sources]) -> None:
    """Warn of what scripts of `system-packages` leave undone on the first platform; the packages are brought for it."""
    if not lock.base.system_packages:
        return
    from onedigest.fetching import fetch_inputs, link_cached
    from onedigest.lock.base.scripts import read_system, undone_by_scripts
    from onedigest.plan.inputs import Inputs, inputs_of

    platform = lock.platforms[0]
    chosen = inputs_of(lock, [platform])
    chosen = Inputs(packages=chosen.packages, lists=chosen.lists)
    folder, inputs = image.script_folder, image.inputs
    where = image.script.where("tool.onedigest.system-packages")
    try:
        missing = link_cached(context.store, inputs, chosen)
        if missing.count():
            fetch_inputs(image.spec, lock, make_sources(), folder=folder, inputs=inputs, missing=missing)
    except NetworkError:
        message = "what scripts of its Debian packages leave undone is not known, since the packages cannot be reached"
        image.warn(Problem(message, where, "run `onedigest generate --strict` with a network"))
        return
    below = next((inputs / each.name for each in chosen.lists), None)
    for problem in undone_by_scripts(read_system([inputs / each.file_name for each in chosen.packages], below)):
        image.warn(replace(problem, where=where))
