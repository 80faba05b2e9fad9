"""The interpreter that compiles for an image: the ways to one on this machine, and what was found of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import NetworkError
from onedigest.workspace.context import Context
from onedigest.workspace.fetch_inputs import fetch_inputs_of
from onedigest.workspace.image_sources import sources
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.bytecode.choose import Way
    from onedigest.bytecode.interpreter import Interpreter
    from onedigest.lock.model import Lock
    from onedigest.plan.inputs import Inputs

_FOUND: dict[tuple[str, ...], Interpreter] = {}
"""What this process has found, by store, version and base: a stranger's interpreter compiles for its own base alone."""


def interpreter_finder(context: Context, image: ScriptImage, lock: Lock) -> Callable[[], Interpreter]:
    """Return what finds the CPython of exactly the locked version that compiles for an image.

    It is asked where bytecode is missing alone, and before workers start. Raises `InputError` and `NetworkError`.
    """
    return partial(_find, context, image, lock)


def _find(context: Context, image: ScriptImage, lock: Lock) -> Interpreter:
    base = lock.base
    layers = (layer.digest for platform in lock.platforms for layer in base.layers(platform))
    key = (str(context.store.root), base.python, *layers)
    if key not in _FOUND:
        from onedigest.bytecode.choose import find_interpreter

        _FOUND[key] = find_interpreter(base.python, _ways(context, image, lock))
        context.events.detailed(f"bytecode is compiled by {_FOUND[key].origin} Python {base.python}")
    return _FOUND[key]


def _ways(context: Context, image: ScriptImage, lock: Lock) -> tuple[Way, ...]:
    """Return the ways to an interpreter, those first that cost least."""
    from onedigest.bytecode.bases_python import bases_python, kept_python
    from onedigest.bytecode.choose import Way, installed, running
    from onedigest.tools.uv_python import find_python

    version = lock.base.python

    def known() -> Interpreter:
        return installed(str(find_python(version, context.variables)), version, context.variables, "uv's")

    def fetch(inputs: Inputs) -> None:
        fetch_inputs_of(context, image, lock, inputs)

    return (
        Way(name="the running Python", find=partial(running, version, context.variables)),
        Way(name="uv", find=known),
        Way(name="the base's own", find=lambda: bases_python(lock.base, lock.platforms, context.store, fetch)),
        Way(name="uv", find=lambda: kept_python(version, context.store, partial(_bring, context, image, version))),
    )


def _bring(context: Context, image: ScriptImage, version: str, folder: Path) -> Path:
    """Have uv bring a CPython, and say so. Raises `NetworkError` where no network is to be used."""
    from onedigest.tools.uv_python import install_python

    if context.offline:
        raise NetworkError.of("it is not asked to bring one: `--offline` is set")
    with context.events.status() as status:
        status.show(f"{image.spec.name}: uv fetches CPython {version}, which compiles its bytecode")
        found = install_python(version, folder, sources(context).environment)
    context.said(f"{image.spec.name}: uv fetched CPython {version}, which compiles its bytecode")
    return found
