"""The question whether authors state a version in all their images, where only a run tells what these are."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from onedigest.definition.flyte.methods import PARAMETERS
from onedigest.definition.flyte.modules import Module, parse

_OF_DEBIAN = ("from_debian_base", "from_uv_script")
"""The constructors of images that have a version of this machine where none is stated."""


def is_always_stated(parameter: str, texts: Iterable[str]) -> bool:
    """Tell whether the files with these texts give a parameter wherever they begin an image of Debian that takes it.

    Then what is this machine's in the SDK's object is the author's choice. Else it may be nobody's.
    """
    stated = [_states(call, place) for text in texts for call, place in _beginnings(text, parameter)]
    return bool(stated) and all(stated)


def _beginnings(text: str, parameter: str) -> Iterable[tuple[ast.Call, int]]:
    """Yield the calls that begin an image, with the place of a parameter among theirs."""
    module = parse(text, Path(), "")
    if not isinstance(module, Module):
        return
    for call, _ in module.names.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _OF_DEBIAN:
            names = PARAMETERS[call.func.attr]
            if parameter in names:
                yield call, names.index(parameter)


def _states(call: ast.Call, place: int) -> bool:
    assert isinstance(call.func, ast.Attribute)
    name = PARAMETERS[call.func.attr][place]
    given = [each.value for each in call.keywords if each.arg == name] or call.args[place : place + 1]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)
