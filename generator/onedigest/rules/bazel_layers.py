"""The layers.json of an image, from which Bazel makes one target for a layer, however many images have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onedigest.digest import Digest, canonical_json, hex_of, of_bytes
from onedigest.header import add_json_header
from onedigest.plan.layers import Layer, Plan
from onedigest.rules.layer_parts import layer_parts

FILE_NAME = "layers.json"

_CHECKSUM = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerTarget:
    """The target of a layer: what it is made of, and a `name` that ends in a checksum of that."""

    name: str
    parts: Mapping[str, Any]


def layer_targets(plan: Plan) -> dict[Digest, LayerTarget]:
    """Return the targets of a plan's layers by the layers' keys."""
    return {layer.key(): _target(layer, plan) for layer in plan.layers() if not layer.executed}


def render_layers(script: str, targets: Iterable[LayerTarget]) -> str:
    """Return the layers.json of an image, which is empty where Bazel cannot build it."""
    layers = {target.name: target.parts for target in targets}
    text = json.dumps({"layers": layers}, indent=2, sort_keys=True, ensure_ascii=False)  # noqa: TID251  for people
    return add_json_header(script, text.removeprefix("{\n") + "\n")


def _target(layer: Layer, plan: Plan) -> LayerTarget:
    parts = layer_parts(layer, plan)
    if layer.recipe and layer.recipe.selection:
        parts["select"] = [word for row in layer.recipe.selection.arguments() for word in row]
    return LayerTarget(name=f"{layer.name}-{hex_of(of_bytes(canonical_json(parts)))[:_CHECKSUM]}", parts=parts)
