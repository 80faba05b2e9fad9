"""The default.nix of an image."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.header import add_rules_header
from onedigest.plan.layers import Layer, Plan
from onedigest.rules.context import CREDENTIALS, NEVER, Pattern, context_patterns
from onedigest.rules.jinja import render
from onedigest.rules.layer_names import free_name
from onedigest.rules.layer_parts import NO_COMMANDS, layer_parts
from onedigest.rules.path_regex import path_regex

FILE_NAME = "default.nix"

_LEFT_OUT = {"never": NEVER, "credentials": CREDENTIALS}

_BELOW = "(/.*)?"
"""How the expression of a pattern ends, which is also about all below what it names."""


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
    annotations: Mapping[str, str]
    layers: tuple[NixLayer, ...]
    manifests: tuple[NixManifest, ...]


def render_nix(spec: Spec, plan: Plan, folder: str) -> str:
    """Return the default.nix of an image; `folder` is the name of the lock folder."""
    refused = NO_COMMANDS if plan.commands() else ""
    names = {} if refused else layer_names(plan)
    layers = tuple(_layer(layer, names[layer.key()], plan, folder) for layer in plan.layers() if names)
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
        path=f"{folder}/{spec.name}",
        name=spec.name,
        refused=refused,
        annotations=dict(plan.annotations),
        layers=layers,
        manifests=manifests,
    )
    return add_rules_header(spec.script, render("BUILD_templates", f"{FILE_NAME}.j2", view))


def layer_names(plan: Plan) -> dict[Digest, str]:
    """Return the names of a plan's layers by their keys, each of them once."""
    names: dict[Digest, str] = {}
    for layer in plan.layers():
        names[layer.key()] = free_name(layer.name, names.values())
    return names


def left_out() -> Mapping[str, Sequence[str]]:
    """Return the rows of what no application brings, by the names that a context has for them."""
    return {name: [row for each in several for row in _rows(each)] for name, several in _LEFT_OUT.items()}


def _layer(layer: Layer, name: str, plan: Plan, folder: str) -> NixLayer:
    parts = layer_parts(layer, plan)
    if layer.recipe and layer.recipe.selection:
        parts["context"] = list(_context(context_patterns(layer.recipe.selection, folder)))
        parts["select"] = [word for row in layer.recipe.selection.arguments() for word in row]
    return NixLayer(attribute=_attribute(name), name=name, parts=tuple(sorted(parts.items())))


def _context(patterns: Iterable[Pattern]) -> Iterator[str]:
    """Yield the rows of patterns; those that every application has stand in onedigest.nix, and only their name here."""
    shared = {pattern: name for name, several in _LEFT_OUT.items() for pattern in several}
    rows = (row for each in patterns for row in ((shared[each],) if each in shared else _rows(each)))
    for row, _ in itertools.groupby(rows):
        yield row


def _rows(pattern: Pattern) -> Iterator[str]:
    """Yield what onedigest.nix is told of a pattern: a sign and a regular expression, and the folders on the way."""
    if pattern.included:
        parts = pattern.text.split("/")
        for count in range(1, len(parts)):
            above = path_regex("/".join(parts[:count]), bytewise="more")
            yield f"/{above.removesuffix(_BELOW)}"
    yield f"{'+' if pattern.included else '-'}{pattern.regex}"


def _attribute(name: str) -> str:
    """Return the attribute of a layer: a dot would select an attribute of an attribute."""
    return name.replace(".", "_")
