"""The Dockerfile of an image, and the files of the context that it may see."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from onedigest import zipapp
from onedigest.assembler.selection import Selection
from onedigest.assembler.tar import MTIME
from onedigest.definition.healthcheck import Healthcheck, duration_text
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.header import add_rules_header
from onedigest.lock.base import Base
from onedigest.lock.model import Lock
from onedigest.plan.configuration import entrypoint, own_variables
from onedigest.plan.inputs import FOLDER, base_layers, encoded_archive, taken_archive
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.platforms import Platform
from onedigest.rules.context import Pattern, context_patterns, literal
from onedigest.rules.jinja import render
from onedigest.rules.quoting import exec_form
from onedigest.rules.stages import ASSEMBLER, Stage, layer_stages, made_layers, stage_names

FILE_NAME = "Dockerfile"
IGNORE_NAME = "Dockerfile.dockerignore"
BASE_STAGE = "base"
RUN_STAGE = "run"
"""How the stages begin that execute commands; a build that must not trust its cache names them."""

_CONTROL = "[^ -\U0010ffff]"
"""What no name has that is sent. A `**` of BuildKit does not read over a line break, so nothing else leaves out
credentials below a folder with one in its name.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStages:
    """The stages that put the image of a platform together. `commands` are split into words.

    The base is an `archive` among the inputs, or an image, the `origin`. `below` and `above` are the stages whose
    layers come before and after what is executed; where the name is empty, WORKDIR gives the layer.
    """

    platform: Platform
    archive: str
    origin: str
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
    expose: tuple[str, ...]
    volumes: tuple[str, ...]
    healthcheck: str
    stop_signal: str
    user: str
    workdir: str
    entrypoint: tuple[str, ...]
    args: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IgnoreView:
    """What the template of a .dockerignore sees: lines about the application, and of inputs."""

    patterns: tuple[str, ...]
    inputs: tuple[str, ...]


def render_dockerfile(spec: Spec, lock: Lock, plan: Plan, folder: str, assembler: Digest) -> dict[str, str]:
    """Return the Dockerfile and its .dockerignore by name; `folder` is the lock folder from the context's root.

    `assembler` is the frozen one that makes the layers.
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
        assembler=f"{inputs}/{zipapp.file_name(assembler)}",
        assembler_target=ASSEMBLER,
        assembler_start=(
            (lock.base.interpreter, "-I", "-c", zipapp.START),
            (ASSEMBLER, assembler, "--help"),
        ),
        stages=layer_stages(plan, inputs=inputs, interpreter=lock.base.interpreter),
        images=tuple(_image(each, stage_names(plan), inputs, lock.base) for each in plan.platforms),
        epoch=MTIME,
        environment=own_variables(spec, lock.base, plan.platforms[0].platform),
        labels=dict(spec.labels),
        expose=spec.expose,
        volumes=spec.volumes,
        healthcheck=_healthcheck(spec.healthcheck) if spec.healthcheck else "",
        stop_signal=spec.stop_signal,
        user=spec.user,
        workdir=spec.workdir,
        entrypoint=entrypoint(spec, lock.base),
        args=spec.args,
    )
    ignore = IgnoreView(patterns=_context(plan, folder), inputs=_given(plan, inputs, view.assembler))
    return {
        FILE_NAME: add_rules_header(spec.script, render("templates", "Dockerfile.j2", view)),
        IGNORE_NAME: add_rules_header(spec.script, render("templates", "Dockerfile.dockerignore.j2", ignore)),
    }


def bake_target(name: str) -> str:
    """Return the name of an image as a target of a bake file, which has no dots."""
    return name.replace(".", "__")


def base_contexts(plan: Plan) -> tuple[str, ...]:
    """Return the stages in whose place a builder is to take the base that is among the inputs."""
    if any(layer.base_layer for layer in plan.layers()):
        return tuple(f"{BASE_STAGE}-{each.platform.architecture}" for each in plan.platforms)
    return ("tools",)


def _image(planned: PlatformPlan, names: Mapping[str, str], inputs: str, base: Base) -> ImageStages:
    origin = base.origin_of(planned.platform)
    own = planned.layers[len(base_layers(planned)) :]
    executed = [number for number, layer in enumerate(own) if layer.executed]
    first, last = (executed[0], executed[-1] + 1) if executed else (len(own), len(own))
    below, above = ([names.get(layer.key(), "") for layer in part] for part in (own[:first], own[last:]))
    return ImageStages(
        platform=planned.platform,
        archive="" if origin else f"{inputs}/{encoded_archive(planned.layers[0])}",
        origin=str(origin or ""),
        below=tuple(below if "" in below else ["", *below]),
        commands=tuple(tuple(shlex.split(layer.executed)) for layer in own[first:last]),
        above=tuple(above),
    )


def _healthcheck(check: Healthcheck) -> str:
    """Return what HEALTHCHECK is given: flags, and a command as its kind is written."""
    kind, *words = check.test
    if not words:
        return kind
    retries = [f"--retries={check.retries}"] if check.retries else []
    flags = [*(f"--{key}={duration_text(value)}" for key, value in check.times), *retries]
    return " ".join([*flags, "CMD", words[0] if check.needs_shell else exec_form([words])])


def _context(plan: Plan, locks: str) -> tuple[str, ...]:
    """Return the patterns of what the application has of the context, the others after them."""
    selections = [layer.recipe.selection for layer in made_layers(plan) if layer.recipe and layer.recipe.selection]
    return tuple(line for each in dict.fromkeys(selections) for line in ignore_lines(each, locks))


def ignore_lines(selection: Selection, locks: str) -> tuple[str, ...]:
    """Return the lines of a .dockerignore about what a selection reads; `locks` is the folder of locks."""
    rows = context_patterns(selection, locks)
    lines = tuple(row.line for row in rows)
    return lines if all(row.included for row in rows) else (*lines, f"**/*{_CONTROL}*")


def _given(plan: Plan, inputs: str, assembler: str) -> tuple[str, ...]:
    """Return the lines of the inputs that the Dockerfile reads, sorted by path."""
    bases = [layer for each in plan.platforms for layer in base_layers(each) if layer.encoded]
    found = {assembler, *(f"{inputs}/{encoded_archive(layer)}" for layer in bases)}
    made = made_layers(plan)
    found |= {f"{inputs}/{each.name}" for layer in made if layer.recipe for each in layer.recipe.inputs}
    found |= {f"{inputs}/{archive}" for layer in made if (archive := taken_archive(layer))}
    return tuple(Pattern(True, literal(path)).line for path in sorted(found))
