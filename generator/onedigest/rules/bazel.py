"""Knows the BUILD.bazel of an image, and where its package is in the user's Bazel workspace."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.header import add_header
from onedigest.plan.layers import Layer, Plan, PlatformPlan
from onedigest.rules.environment import render
from onedigest.rules.layer_targets import FILE_NAME, LayerTarget
from onedigest.rules.stages import context_path
from onedigest.spec import Spec

NO_COMMANDS = "`run` needs an engine that runs commands: build with `onedigest build --engine buildx`"

_ROOTS = ("MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel", "WORKSPACE")
_FILES = "@onedigest_files//:"
_UNLABELLED = (("%", "%25"), ('"', "%22"), (":", "%3A"), ("\\", "%5C"), ("`", "%60"))
"""What a label cannot have, and how the repository of files writes it (extensions.bzl)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationView:
    """The layer of a script and its files: labels with their paths below the application's folder."""

    name: str
    holds: str
    owner: str
    root: str
    scripts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    programs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestView:
    """The image of one platform."""

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
    application: ApplicationView | None
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


def render_build(spec: Spec, plan: Plan, targets: Mapping[str, LayerTarget], package: str) -> str:
    """Return the BUILD.bazel of an image; `targets` are those of its layers, in the package that images share."""
    refused = NO_COMMANDS if plan.commands() else ""
    application = next((layer for layer in plan.layers() if layer.files), None)
    own = application_target(spec.name)
    view = BuildView(
        label=f"{package}/{spec.name}",
        shared=package,
        name=spec.name,
        refused=refused,
        application=_application(own, application, posixpath.dirname(spec.script)) if application else None,
        manifests=() if refused else tuple(_manifest(each, spec, targets, package, own) for each in plan.platforms),
    )
    return add_header(spec.script, render("BUILD_templates", f"{FILE_NAME}.j2", view))


def application_target(name: str) -> str:
    """Return the name of the application's layer in the package of an image of this name."""
    return _free("application", name)


def named_targets(text: str, package: str) -> Iterable[str]:
    """Return the names of the shared targets that the images of a BUILD.bazel have as layers."""
    return re.findall(rf'(?m)^        "{re.escape(package)}:([^"]+)",$', text)


def _free(name: str, taken: str) -> str:
    return f"{name}-target" if name == taken else name


def _manifest(
    planned: PlatformPlan, spec: Spec, targets: Mapping[str, LayerTarget], package: str, application: str
) -> ManifestView:
    layers = [
        f":{application}" if layer.files else f"{package}:{targets[layer.key()].name}" for layer in planned.layers
    ]
    return ManifestView(
        name=_free(planned.platform.oci.replace("/", "-"), spec.name),
        platform=planned.platform.oci,
        config=json.loads(planned.config)["config"],
        layers=tuple(layers),
    )


def _application(name: str, layer: Layer, folder: str) -> ApplicationView:
    def labels(role: str) -> tuple[tuple[str, str], ...]:
        files = (file for file in layer.files if file.role == role)
        return tuple(sorted((_label(context_path(folder, file)), file.target) for file in files))

    return ApplicationView(
        name=name,
        holds=layer.holds,
        owner=_options(layer).get("owner", ""),
        root=_options(layer).get("root", ""),
        scripts=labels("scripts"),
        files=labels("files"),
        programs=labels("programs"),
    )


def _options(layer: Layer) -> Mapping[str, str]:
    return dict(layer.recipe.options) if layer.recipe else {}


def _label(path: str) -> str:
    for meant, written in _UNLABELLED:
        path = path.replace(meant, written)
    return f"{_FILES}{path}"
