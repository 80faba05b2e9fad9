"""Knows the Dockerfile of an image, and which files of the context it may see."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from onedigest.assembler.tar import MTIME
from onedigest.errors import InputError
from onedigest.fetching import FOLDER, base_archive
from onedigest.header import add_header
from onedigest.inputs import zipapp
from onedigest.lock.model import Lock
from onedigest.plan import Layer, Plan, PlatformPlan, environment
from onedigest.platforms import Platform
from onedigest.rules.environment import render
from onedigest.rules.stages import ASSEMBLER, Stage, layer_stages, stage_names
from onedigest.spec import Spec

FILE_NAME = "Dockerfile"
IGNORE_NAME = "Dockerfile.dockerignore"
RUN_STAGE = "run"
"""How the stages begin that execute commands; a build that must not trust its cache names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStages:
    """The stages that put the image of a platform together. `commands` are split into words."""

    platform: Platform
    archive: str
    below: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    above: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerfileView:
    """What the template of a Dockerfile sees; paths are from the context's root."""

    source: str
    name: str
    folder: str
    path: str
    bake: str
    bake_target: str
    base: str
    python: str
    interpreter: str
    assembler: str
    assembler_target: str
    stages: tuple[Stage, ...]
    images: tuple[ImageStages, ...]
    epoch: int
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: str
    workdir: str
    entrypoint: tuple[str, ...]
    args: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoreView:
    """What the template of a .dockerignore sees."""

    source: str
    paths: tuple[str, ...]


def render_dockerfile(spec: Spec, lock: Lock, plan: Plan, source: str, folder: str) -> dict[str, str]:
    """Return the Dockerfile and its .dockerignore by name; `folder` is the lock folder from the context's root.

    Raises `InputError` for a script outside the folder that holds the locks, which is what BuildKit is sent.
    """
    if posixpath.isabs(spec.script):
        raise InputError.of(
            "the script is not below the folder that holds the locks, which is what BuildKit is sent",
            where=spec.script,
            hint="run onedigest in the project of the script, or name a folder above it with --lockfiles",
        )
    inputs = f"{folder}/{FOLDER}"
    view = DockerfileView(
        source=source,
        name=spec.name,
        folder=folder,
        path=f"{folder}/{spec.name}/{FILE_NAME}",
        bake=f"{folder}/docker-bake.json",
        bake_target=bake_target(spec.name),
        base=lock.base.reference,
        python=lock.base.python,
        interpreter=lock.base.interpreter,
        assembler=f"{inputs}/{zipapp.file_name(lock.assembler)}",
        assembler_target=ASSEMBLER,
        stages=layer_stages(plan, script=spec.script, inputs=inputs, interpreter=lock.base.interpreter),
        images=tuple(_image(each, stage_names(plan), inputs) for each in plan.platforms),
        epoch=MTIME,
        environment=environment(spec),
        labels=dict(spec.labels),
        user=spec.user,
        workdir=spec.workdir,
        entrypoint=spec.entrypoint,
        args=spec.args,
    )
    ignore = IgnoreView(source=source, paths=_context(spec, plan, inputs, view.assembler))
    return {
        FILE_NAME: add_header(spec.script, render("templates", "Dockerfile.j2", view)),
        IGNORE_NAME: add_header(spec.script, render("templates", "Dockerfile.dockerignore.j2", ignore)),
    }


def bake_target(name: str) -> str:
    """Return the name of an image as a target of a bake file, which has no dots."""
    return name.replace(".", "__")


def _image(planned: PlatformPlan, names: Mapping[str, str], inputs: str) -> ImageStages:
    made = [(layer, names[layer.key()]) for layer in planned.layers if layer.key() in names]
    return ImageStages(
        platform=planned.platform,
        archive=f"{inputs}/{base_archive(planned.layers[0], planned.platform)}",
        below=tuple(name for layer, name in made if layer.kind != "application"),
        commands=tuple(tuple(shlex.split(_command(layer))) for layer in planned.layers if layer.kind == "run"),
        above=tuple(name for layer, name in made if layer.kind == "application"),
    )


def _command(layer: Layer) -> str:
    return dict(layer.options)["command"]


def _context(spec: Spec, plan: Plan, inputs: str, assembler: str) -> tuple[str, ...]:
    """Return the paths of everything that the Dockerfile reads, sorted."""
    folder = posixpath.dirname(spec.script)
    found = {assembler}
    found |= {f"{inputs}/{base_archive(each.layers[0], each.platform)}" for each in plan.platforms}
    for layer in plan.layers():
        found |= {f"{inputs}/{wheel.name}" for wheel in layer.wheels}
        found |= {posixpath.join(folder, path) for file in layer.files for path in (file.target, *file.links)}
        if layer.kind == "system":
            found |= {f"{inputs}/{package.file_name}" for package in layer.packages}
    return tuple(sorted(found))
