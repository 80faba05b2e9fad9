"""The places where the settings of a Flyte image are written, so that hints can name them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import read_inside
from onedigest.definition.project import OWN_FILE, PYPROJECT
from onedigest.definition.script import MOST_BYTES, find_blocks
from onedigest.errors import InputError, Problem
from onedigest.wording import shown
from onedigest.workspace.context import Context

if TYPE_CHECKING:
    from onedigest.definition.flyte.definition import Definition


def placing(context: Context, definition: Definition, script: Path) -> Callable[[Problem], Problem]:
    """Return what has a problem's hint name the place for settings of an image whose lock is a script's."""
    from onedigest.definition.flyte.definition import UvScript
    from onedigest.definition.flyte.settings_place import placed

    of_script = any(isinstance(step, UvScript) for step in definition.steps)
    return partial(placed, place=_place(context, definition, script), of_script=of_script)


def _place(context: Context, definition: Definition, script: Path) -> str:
    """Return where settings of an image are written: where some are, else in a file that moves no lock."""
    from onedigest.definition.flyte.definition import UvProject

    file = Path(definition.file)
    with suppress(InputError, OSError, ValueError):
        text = read_inside(file, file.resolve().parent, shown(file), MOST_BYTES).decode()
        if any(block.type == "script" for block in find_blocks(text)):
            return f"[tool.onedigest] of the block in {shown(file)}"
    project = context.project(script.parent)
    if project.file:
        table = "[tool.onedigest] of " if project.file == PYPROJECT else ""
        return f"{table}{shown(project.root / project.file)}"
    for step in definition.steps:
        if isinstance(step, UvProject) and Path(step.pyproject).resolve().parent == project.root.resolve():
            return f"[tool.onedigest] of {shown(Path(step.pyproject))}"
    return shown(project.root / OWN_FILE)
