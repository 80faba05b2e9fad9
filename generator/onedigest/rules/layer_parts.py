"""The parts of a layer as Bazel and Nix are told of them: one form for every kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from onedigest.plan.inputs import base_layer_file, encoded_archive
from onedigest.plan.layers import Input, Layer, Plan

NO_COMMANDS = "`run` needs an engine that runs commands: build with `onedigest build --engine buildx`"
"""Why neither of them builds an image, where that is so."""


def layer_parts(layer: Layer, plan: Plan) -> dict[str, Any]:
    """Return what a layer is made of, as names and texts: all but the files of an application.

    `archive` is the layer itself among the inputs: as it was encoded, or as it is in a base, with its `descriptor`.
    """
    found: dict[str, Any] = {"command": layer.kind, "holds": layer.holds}
    if layer.base_layer:
        found |= {"archive": base_layer_file(plan, layer.base_layer), "descriptor": asdict(layer.base_layer)}
    if layer.encoded:
        found["archive"] = encoded_archive(layer)
    if layer.recipe and layer.recipe.options:
        found["options"] = dict(layer.recipe.options)
    if layer.recipe and layer.recipe.inputs:
        found["inputs"] = _by_flag(layer.recipe.inputs)
    return found


def _by_flag(inputs: Iterable[Input]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in sorted(inputs, key=lambda each: (each.flag, each.name)):
        found.setdefault(each.flag, {})[each.name] = each.digest
    return found
