"""Knows the Bazel targets of layers, which all images of a lock folder share in one package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from onedigest.digest import hex_of, of_bytes
from onedigest.plan.inputs import FOLDER, encoded_archive, kept_blob
from onedigest.plan.layers import Layer, Plan
from onedigest.rules.environment import render

FILE_NAME = "BUILD.bazel"
"""What the file of a package is called; the shared one is in the lock folder itself."""

_RULES = {
    "base-layer": "kept_layer",
    "debian-packages": "debian_layer",
    "debian-root": "debian_layer",
    "folder": "folder_layer",
    "virtual-environment": "runtime_layer",
    "wheels": "wheel_layer",
    "working-directory": "workdir_layer",
}
_BLOCK = re.compile(r"(?m)^(?P<rule>\w+_layer)\(\n    name = \"(?P<name>[^\"\n]+)\",\n(?:    .*\n)*\)$")
"""A target; its lines are indented, so that one without an end is not looked for beyond the next."""
_CHECKSUM = 12

_Attribute = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerTarget:
    """The target of a layer. `name` ends in a checksum of its `text`."""

    name: str
    rule: str
    text: str

    def is_intact(self) -> bool:
        """Tell whether a target is as it was generated."""
        stem, _, checksum = self.name.rpartition("-")
        return _checksum(self.text.replace(f'"{self.name}"', f'"{stem}"', 1)) == checksum


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerView:
    """What the template of a layer's target sees; paths are from the shared package."""

    rule: str
    name: str
    size: int | None = None
    src: str = ""
    srcs: tuple[tuple[str, str], ...] = ()
    attributes: tuple[_Attribute, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedBuildView:
    """What the template of the shared package sees."""

    package: str
    rules: tuple[str, ...]
    targets: tuple[str, ...]


def layer_targets(plan: Plan) -> dict[str, LayerTarget]:
    """Return the targets of a plan's layers by the layers' keys; those of the application belong to its image."""
    return {layer.key(): _target(layer, plan) for layer in plan.layers() if not layer.files and not layer.executed}


def read_targets(text: str | None) -> dict[str, LayerTarget]:
    """Return the targets of a shared package that are as they were generated, by name."""
    found = (
        LayerTarget(name=match["name"], rule=match["rule"], text=match[0]) for match in _BLOCK.finditer(text or "")
    )
    return {target.name: target for target in found if target.is_intact()}


def render_targets(targets: Iterable[LayerTarget], package: str) -> str:
    """Return the text of the shared package, whose label from the workspace's root is `package`."""
    ordered = sorted(targets, key=lambda target: target.name)
    rules = tuple(sorted({"python_interpreter", *(target.rule for target in ordered)}))
    view = SharedBuildView(package=package, rules=rules, targets=tuple(target.text for target in ordered))
    return render("BUILD_templates", "shared.bazel.j2", view)


def _target(layer: Layer, plan: Plan) -> LayerTarget:
    rule, stem = _RULES[layer.kind], layer.name

    text = render("BUILD_templates", "layer.bazel.j2", _view(layer, plan, rule, stem)).rstrip("\n")
    name = f"{stem}-{_checksum(text)}"
    return LayerTarget(name=name, rule=rule, text=text.replace(f'"{stem}"', f'"{name}"', 1))


def _view(layer: Layer, plan: Plan, rule: str, name: str) -> LayerView:
    options = dict(layer.recipe.options) if layer.recipe else {}
    holds: Mapping[str, str] = {"holds": layer.holds}
    attributes: dict[str, Callable[[], Mapping[str, str]]] = {
        "base-layer": lambda: _descriptor(layer),
        "debian-packages": lambda: {"archive": _archive(layer), "kind": layer.kind},
        "debian-root": lambda: {"archive": _archive(layer), "kind": layer.kind, **options},
        "folder": lambda: options,
        "virtual-environment": lambda: options,
        "wheels": lambda: options,
        "working-directory": dict,
    }
    pinned = [(each.name, each.digest) for each in layer.inputs]
    return LayerView(
        rule=rule,
        name=name,
        size=layer.kept.size if layer.kept else None,
        src=f"{FOLDER}/{kept_blob(plan, layer.kept)}" if layer.kept else "",
        srcs=tuple((f"{FOLDER}/{file}", digest) for file, digest in sorted(pinned)),
        attributes=tuple(sorted({**holds, **attributes[layer.kind]()}.items())),
    )


def _archive(layer: Layer) -> str:
    return f"{FOLDER}/{encoded_archive(layer)}"


def _descriptor(layer: Layer) -> Mapping[str, str]:
    kept = layer.kept
    assert kept
    return {"diff_id": kept.diff_id, "digest": kept.digest, "media_type": kept.media_type}


def _checksum(text: str) -> str:
    return hex_of(of_bytes(text.encode()))[:_CHECKSUM]
