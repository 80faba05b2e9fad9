"""Knows the generated files of an image: which there are, how they are rendered, and whether they are up to date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onedigest import header
from onedigest.errors import InputError
from onedigest.lock import codec
from onedigest.lock.model import Lock
from onedigest.plan.layers import Plan
from onedigest.rules import files as rule_files
from onedigest.rules import nix
from onedigest.rules.bake import BakeTarget, target_of
from onedigest.rules.bazel import find_package, render_build
from onedigest.rules.dockerfile import FILE_NAME as DOCKERFILE
from onedigest.rules.dockerfile import IGNORE_NAME, render_dockerfile
from onedigest.rules.layer_targets import FILE_NAME as BUILD
from onedigest.rules.layer_targets import LayerTarget, layer_targets
from onedigest.rules.merged import MERGED
from onedigest.rules.shared import SHARED
from onedigest.spec import Spec

OWN_FILES = (DOCKERFILE, IGNORE_NAME, BUILD, nix.FILE_NAME)
"""The files of one image, besides its lock and its record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The generated files of an image, by path from the lock folder, and its parts of the files of all images."""

    name: str
    files: rule_files.Files
    bake: BakeTarget
    layers: tuple[LayerTarget, ...]


def render_rules(spec: Spec, lock: Lock, plan: Plan, folder: Path) -> Rules:
    """Render the files of an image into a lock folder. Raises `InputError`."""
    _refuse_taken_name(spec)
    package, layers = find_package(folder), layer_targets(plan)
    texts = {
        codec.FILE_NAME: codec.dumps(lock),
        **render_dockerfile(spec, lock, plan, folder.name),
        BUILD: render_build(spec, plan, layers, package),
        nix.FILE_NAME: nix.render_nix(spec, plan, folder.name),
    }
    return Rules(
        name=spec.name,
        files={f"{spec.name}/{name}": each for name, each in texts.items()},
        bake=target_of(spec, plan, folder.name),
        layers=tuple(layers.values()),
    )


def stale_files(rules: Rules, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path from the lock folder, what is wrong) of the files of an image that are not what was rendered now."""
    for path, expected in rules.files.items():
        text = rule_files.read(folder / path)
        if text is None:
            yield path, "is missing"
        elif text != expected:
            yield path, header.how_changed(text)


def _refuse_taken_name(spec: Spec) -> None:
    taken = {"image.toml", codec.FILE_NAME, *OWN_FILES, *SHARED, *MERGED}
    if spec.name in {name.lower() for name in taken}:
        raise InputError.of(
            f"the name `{spec.name}` is that of a generated file",
            where=spec.script,
            hint="set another `name` in [tool.onedigest]",
        )
