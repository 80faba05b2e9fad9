"""Knows what a layer is called by what it holds, in the same way whichever image it is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import chain, count

from onedigest.plan import Layer
from onedigest.platforms import Platform

_NAMED = 3
"""How many wheels or packages of a layer its name tells."""


def layer_name(layer: Layer, platform: Platform) -> str:
    """Return a name of letters, digits, `.`, `_` and `-`, with the architecture where another one has another layer."""
    options = dict(layer.options)
    names: dict[str, Callable[[], str]] = {
        "application": lambda: "application",
        "base": lambda: layer.holds,
        "folder": lambda: f"folder-{options['path']}",
        "image": lambda: _base_layer(layer.holds),
        "layer": lambda: _several([_version(wheel.name) for wheel in layer.wheels]),
        "runtime": lambda: f"python-{options['version']}",
        "system": lambda: _several(layer.holds.split(", ")),
        "workdir": lambda: "workdir",
    }
    name = re.sub(r"[^A-Za-z0-9._]+", "-", names[layer.kind]()).strip("-.")
    native = layer.kind in ("base", "image", "system") or any(
        not wheel.name.endswith("-none-any.whl") for wheel in layer.wheels
    )
    return f"{name}-{platform.architecture}" if native else name


def free_name(stem: str, taken: Collection[str]) -> str:
    """Return a name, with a number where it is taken."""
    numbered = (f"{stem}-{number}" for number in count(2))
    return next(name for name in chain([stem], numbered) if name not in taken)


def _base_layer(holds: str) -> str:
    """Return the name of an image without its host, and which of its layers it is."""
    reference, _, number = holds.rpartition(", ")
    return f"{reference.rpartition('/')[2].partition('@')[0]} {number}"


def _version(wheel: str) -> str:
    """Return project and version of a wheel, by its file name."""
    project, version = wheel.split("-")[:2]
    return f"{project.replace('_', '-').lower()}-{version}"


def _several(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    shown = [name.rpartition("-")[0] or name for name in names[:_NAMED]]
    rest = len(names) - len(shown)
    return "-".join(shown) + (f"-and-{rest}-more" if rest else "")
