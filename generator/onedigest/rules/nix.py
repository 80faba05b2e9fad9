"""Knows the default.nix of an image."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from onedigest.application import File
from onedigest.header import add_header
from onedigest.plan.inputs import encoded_archive, kept_blob
from onedigest.plan.layers import Layer, Plan
from onedigest.rules.bazel import NO_COMMANDS
from onedigest.rules.environment import render
from onedigest.rules.layer_names import free_name
from onedigest.rules.stages import context_path
from onedigest.spec import Spec

FILE_NAME = "default.nix"

_FUNCTIONS = {
    "base-layer": "kept",
    "debian-packages": "system",
    "debian-root": "base",
    "virtual-environment": "runtime",
    "working-directory": "workdir",
}
"""What onedigest.nix calls the kinds of layers that have another name there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NixLayer:
    """A layer: a function of onedigest.nix, and what it is given. `attribute` is its name as Nix can select it."""

    attribute: str
    name: str
    function: str
    attributes: tuple[tuple[str, Any], ...]


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
    view = NixView(
        path=f"{folder}/{spec.name}",
        name=spec.name,
        refused=refused,
        layers=tuple(
            _layer(layer, names[layer.key()], plan, posixpath.dirname(spec.script)) for layer in plan.layers() if names
        ),
        manifests=tuple(
            NixManifest(
                platform=each.platform.oci,
                config=json.loads(each.config)["config"],
                layers=tuple(_attribute(names[layer.key()]) for layer in each.layers),
            )
            for each in plan.platforms
            if names
        ),
    )
    return add_header(spec.script, render("BUILD_templates", f"{FILE_NAME}.j2", view))


def layer_names(plan: Plan) -> dict[str, str]:
    """Return the names of a plan's layers by their keys, each of them once."""
    names: dict[str, str] = {}
    for layer in plan.layers():
        names[layer.key()] = free_name(layer.name, names.values())
    return names


def _layer(layer: Layer, name: str, plan: Plan, folder: str) -> NixLayer:
    options = dict(layer.recipe.options) if layer.recipe else {}
    inputs = {each.name: each.digest for each in layer.inputs}
    attributes: dict[str, Callable[[], Mapping[str, Any]]] = {
        "application": lambda: {**options, **_application(layer.files, folder)},
        "base-layer": lambda: {"file": kept_blob(plan, layer.kept), **asdict(layer.kept)} if layer.kept else {},
        "debian-packages": lambda: {"archive": encoded_archive(layer), "packages": inputs},
        "debian-root": lambda: {"archive": encoded_archive(layer), "packages": inputs, **options},
        "folder": lambda: options,
        "virtual-environment": lambda: options,
        "wheels": lambda: {**options, "wheels": inputs},
        "working-directory": dict,
    }
    found = {"holds": layer.holds, **attributes[layer.kind]()}
    return NixLayer(
        attribute=_attribute(name),
        name=name,
        function=_FUNCTIONS.get(layer.kind, layer.kind),
        attributes=tuple(sorted(found.items())),
    )


def _attribute(name: str) -> str:
    """Return the attribute of a layer: a dot would select an attribute of an attribute."""
    return name.replace(".", "_")


def _application(files: Iterable[File], folder: str) -> dict[str, Any]:
    found: dict[str, dict[str, str]] = {}
    for file in files:
        found.setdefault(file.role, {})[file.target] = context_path(folder, file)
    return found
