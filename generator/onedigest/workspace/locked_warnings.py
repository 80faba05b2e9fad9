"""The warnings when a script is locked, but never when it is built: what its image will not have or find."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from onedigest.errors import Problem
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.unused_bytecode import warn_of_unused

if TYPE_CHECKING:
    from onedigest.lock.model import Lock


def warn_locked(image: ScriptImage, lock: Lock) -> None:
    """Warn of what the script of a new lock asks for in vain."""
    _warn_of_unset(image, lock)
    warn_of_unused(image, lock)
    if image.spec.run and image.recipe is None:  # which says it of its own commands
        _warn_of_commands(image)


def _warn_of_unset(image: ScriptImage, lock: Lock) -> None:
    """Warn of references in `env` to variables that the base does not have: they are empty then."""
    from onedigest.plan.configuration import unset_variables

    platforms = lock.platforms if image.spec.expand_env else ()
    unset = [each for platform in platforms for each in unset_variables(image.spec, lock.base, platform)]
    for name, missing in dict.fromkeys(unset):
        message = f"`${missing}` in the value of {name!r} is empty: {lock.base.reference} does not set it"
        hint = f"leave it out, or write `${{{missing}:-word}}`"
        image.warn(Problem(message, image.script.where(f"tool.onedigest.env.{name}"), hint))


def _warn_of_commands(image: ScriptImage) -> None:
    """Warn of commands that reach for a network."""
    from onedigest.definition.network_use import DEBIAN_PACKAGES, FILES, PYTHON_PACKAGES, network_use_of

    instead = {
        PYTHON_PACKAGES: "name the packages in `dependencies`",
        DEBIAN_PACKAGES: "name the packages in `system-packages`",
        FILES: "fetch it beforehand, and add the file with `copy`",
    }
    for command in image.spec.run:
        where = image.script.where_text(command, "tool.onedigest.run")
        for use in network_use_of(shlex.split(command)):
            image.warn(Problem(use.message, where, instead[use.kind]))
