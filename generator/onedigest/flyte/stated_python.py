"""Knows whether authors name the Python of all their images, where only running a script tells what these are."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from onedigest.flyte.methods import PARAMETERS
from onedigest.flyte.modules import Module, parse

_OF_DEBIAN = ("from_debian_base", "from_uv_script")
"""The constructors of images that have the Python of the machine where none is named."""


def name_python(texts: Iterable[str]) -> bool:
    """Tell whether the files with these texts name a Python wherever they begin an image of Debian.

    Then one that is this machine's is the author's choice in the SDK's object too, and else it may be nobody's.
    """
    named = [_names_python(call) for text in texts for call in _beginnings(text)]
    return bool(named) and all(named)


def _beginnings(text: str) -> Iterable[ast.Call]:
    module = parse(text, Path(), "")
    if not isinstance(module, Module):
        return
    for call, _ in module.names.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _OF_DEBIAN:
            yield call


def _names_python(call: ast.Call) -> bool:
    assert isinstance(call.func, ast.Attribute)
    place = PARAMETERS[call.func.attr].index("python_version")
    given = [each.value for each in call.keywords if each.arg == "python_version"] or call.args[place : place + 1]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)
