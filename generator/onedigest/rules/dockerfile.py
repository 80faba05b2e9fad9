"""Knows the Dockerfile of an image, and which files of the context it may see."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from onedigest.assembler.tar import MTIME
from onedigest.errors import InputError
from onedigest.fetching import FOLDER, encoded_archive
from onedigest.header import add_header
from onedigest.inputs import zipapp
from onedigest.lock.model import Base, Lock
from onedigest.oci.reference import parse_reference
from onedigest.plan import Layer, Plan, PlatformPlan, own_environment
from onedigest.platforms import Platform
from onedigest.rules.environment import render
from onedigest.rules.stages import ASSEMBLER, Stage, context_path, layer_stages, stage_names
from onedigest.spec import Spec

FILE_NAME = "Dockerfile"
IGNORE_NAME = "Dockerfile.dockerignore"
ORIGIN_STAGE = "origin"
RUN_STAGE = "run"
"""How the stages begin that execute commands; a build that must not trust its cache names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStages:
    """The stages that put the image of a platform together. `commands` are split into words.

    The base is an `archive` among the inputs, or an image, the `origin`, with the stage of a `folder` if it needs one.
    """

    platform: Platform
    archive: str
    origin: str
    folder: str
    below: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    above: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerfileView:
    """What the template of a Dockerfile sees; paths are from the context's root."""

    name: str
    folder: str
    path: str
    bake: str
    bake_target: str
    base: str
    python: str
    assembler: str
    assembler_target: str
    assembler_start: tuple[tuple[str, ...], ...]
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

    paths: tuple[str, ...]


def render_dockerfile(spec: Spec, lock: Lock, plan: Plan, folder: str) -> dict[str, str]:
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
        name=spec.name,
        folder=folder,
        path=f"{folder}/{spec.name}/{FILE_NAME}",
        bake=f"{folder}/docker-bake.json",
        bake_target=bake_target(spec.name),
        base=lock.base.reference,
        python=lock.base.python,
        assembler=f"{inputs}/{zipapp.file_name(zipapp.digest())}",
        assembler_target=ASSEMBLER,
        assembler_start=(
            (lock.base.interpreter, "-I", "-c", zipapp.START),
            (ASSEMBLER, zipapp.digest(), "--help"),
        ),
        stages=layer_stages(plan, script=spec.script, inputs=inputs, interpreter=lock.base.interpreter),
        images=tuple(_image(each, stage_names(plan), inputs, lock.base) for each in plan.platforms),
        epoch=MTIME,
        environment=own_environment(spec, lock.base, plan.platforms[0].platform),
        labels=dict(spec.labels),
        user=spec.user,
        workdir=spec.workdir,
        entrypoint=spec.entrypoint,
        args=spec.args,
    )
    ignore = IgnoreView(paths=_context(spec, plan, inputs, view.assembler))
    return {
        FILE_NAME: add_header(spec.script, render("templates", "Dockerfile.j2", view)),
        IGNORE_NAME: add_header(spec.script, render("templates", "Dockerfile.dockerignore.j2", ignore)),
    }


def bake_target(name: str) -> str:
    """Return the name of an image as a target of a bake file, which has no dots."""
    return name.replace(".", "__")


def base_contexts(plan: Plan) -> tuple[str, ...]:
    """Return the stages in whose place a builder is to take the base that is among the inputs."""
    if any(layer.kept for each in plan.platforms for layer in each.layers):
        return tuple(f"{ORIGIN_STAGE}-{each.platform.architecture}" for each in plan.platforms)
    return ("tools",)


def _image(planned: PlatformPlan, names: Mapping[str, str], inputs: str, base: Base) -> ImageStages:
    made = [(layer, names[layer.key()]) for layer in planned.layers if layer.key() in names]
    image = base.image_for(planned.platform)
    above = ("application", "folder") if image else ("application",)
    return ImageStages(
        platform=planned.platform,
        archive="" if image else f"{inputs}/{encoded_archive(planned.layers[0], planned.platform)}",
        origin=f"{parse_reference(base.image).at(image.manifest)}" if image else "",
        folder=next((name for layer, name in made if layer.kind == "folder"), "") if image else "",
        below=tuple(name for layer, name in made if layer.kind not in above),
        commands=tuple(tuple(shlex.split(_command(layer))) for layer in planned.layers if layer.kind == "run"),
        above=tuple(name for layer, name in made if layer.kind == "application"),
    )


def _command(layer: Layer) -> str:
    return dict(layer.options)["command"]


def _context(spec: Spec, plan: Plan, inputs: str, assembler: str) -> tuple[str, ...]:
    """Return the paths of everything that the Dockerfile reads, sorted."""
    folder = posixpath.dirname(spec.script)
    found = {assembler}
    archives = [each for each in plan.platforms if not each.layers[0].kept]
    found |= {f"{inputs}/{encoded_archive(each.layers[0], each.platform)}" for each in archives}
    for layer in plan.layers():
        found |= {f"{inputs}/{wheel.name}" for wheel in layer.wheels}
        found |= {context_path(folder, file) for file in layer.files}
        found |= {posixpath.normpath(posixpath.join(folder, path)) for file in layer.files for path in file.links}
        if layer.kind == "system":
            found |= {f"{inputs}/{package.file_name}" for package in layer.packages}
    return tuple(sorted(found))
