"""Knows the default.nix of an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onedigest.assembler.selection import context_patterns
from onedigest.digest import Digest
from onedigest.header import add_rules_header
from onedigest.plan.layers import Layer, Plan
from onedigest.rules.environment import render
from onedigest.rules.layer_names import free_name
from onedigest.rules.layer_parts import NO_COMMANDS, layer_parts
from onedigest.spec import Spec

FILE_NAME = "default.nix"


@dataclass(frozen=True, kw_only=True, slots=True)
class NixLayer:
    """A layer, and what onedigest.nix is given for it. `attribute` is its name as Nix can select it."""

    attribute: str
    name: str
    parts: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NixManifest:
    """The image of one platform; `layers` are names."""

    platform: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NixView:
    """What the template of a default.nix sees."""

    path: str
    name: str
    refused: str
    layers: tuple[NixLayer, ...]
    manifests: tuple[NixManifest, ...]


def render_nix(spec: Spec, plan: Plan, folder: str) -> str:
    """Return the default.nix of an image; `folder` is the name of the lock folder."""
    refused = NO_COMMANDS if plan.commands() else ""
    names = {} if refused else layer_names(plan)
    layers = tuple(_layer(layer, names[layer.key()], plan) for layer in plan.layers() if names)
    manifests = tuple(
        NixManifest(
            platform=each.platform.oci,
            config=json.loads(each.config)["config"],
            layers=tuple(_attribute(names[layer.key()]) for layer in each.layers),
        )
        for each in plan.platforms
        if names
    )
    view = NixView(
        path=f"{folder}/{spec.name}", name=spec.name, refused=refused, layers=layers, manifests=manifests
    )
    return add_rules_header(spec.script, render("BUILD_templates", f"{FILE_NAME}.j2", view))


def layer_names(plan: Plan) -> dict[Digest, str]:
    """Return the names of a plan's layers by their keys, each of them once."""
    names: dict[Digest, str] = {}
    for layer in plan.layers():
        names[layer.key()] = free_name(layer.name, names.values())
    return names


def _layer(layer: Layer, name: str, plan: Plan) -> NixLayer:
    parts = layer_parts(layer, plan)
    if layer.recipe and layer.recipe.selection:
        selection = layer.recipe.selection
        parts["context"] = context_patterns(selection)
        parts["select"] = [word for row in selection.arguments() for word in row]
    return NixLayer(attribute=_attribute(name), name=name, parts=tuple(sorted(parts.items())))


def _attribute(name: str) -> str:
    """Return the attribute of a layer: a dot would select an attribute of an attribute."""
    return name.replace(".", "_")
