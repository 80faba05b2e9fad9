"""The BUILD.bazel of an image, and where its package is in the user's Bazel workspace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.header import add_rules_header
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.rules.bazel_layers import LayerTarget
from onedigest.rules.jinja import render
from onedigest.rules.layer_parts import NO_COMMANDS

FILE_NAME = "BUILD.bazel"
"""What the file of a package is called; the shared one is in the lock folder itself."""

_ROOTS = ("MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel", "WORKSPACE")


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestView:
    """The image of one platform; `layers` are labels."""

    name: str
    platform: str
    config: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildView:
    """What the template of a BUILD.bazel sees."""

    label: str
    shared: str
    name: str
    refused: str
    annotations: Mapping[str, str]
    manifests: tuple[ManifestView, ...]


def find_root(folder: Path) -> Path | None:
    """Return the nearest folder above that begins a Bazel workspace, if one does.

    What is above a git repository does not count: it is not the same for everyone who has a checkout.
    """
    for each in folder.parents:
        if any((each / name).is_file() for name in _ROOTS):
            return each
        if (each / ".git").exists():
            return None
    return None


def find_package(folder: Path) -> str:
    """Return the label of a folder's package; without a workspace yet, the folder that holds it is taken for one."""
    return f"//{folder.relative_to(find_root(folder) or folder.parent).as_posix()}"


def render_build(spec: Spec, plan: Plan, targets: Mapping[Digest, LayerTarget], package: str) -> str:
    """Return the BUILD.bazel of an image; `targets` are those of its layers, in the package that images share."""
    refused = NO_COMMANDS if plan.commands() else ""
    view = BuildView(
        label=f"{package}/{spec.name}",
        shared=package,
        name=spec.name,
        refused=refused,
        annotations=dict(plan.annotations),
        manifests=() if refused else tuple(_manifest(each, spec.name, targets, package) for each in plan.platforms),
    )
    return add_rules_header(spec.script, render("BUILD_templates", f"{FILE_NAME}.j2", view))


def _manifest(planned: PlatformPlan, image: str, targets: Mapping[Digest, LayerTarget], package: str) -> ManifestView:
    name = planned.platform.oci.replace("/", "-")
    return ManifestView(
        name=f"{name}-target" if name == image else name,
        platform=planned.platform.oci,
        config=json.loads(planned.config)["config"],
        layers=tuple(f"{package}:{targets[layer.key()].name}" for layer in planned.layers),
    )
