"""Knows the build stages of a Dockerfile: one for each layer that is made, and how its files reach it."""

from __future__ import annotations

import posixpath
import textwrap
from dataclasses import dataclass

from onedigest.application import File
from onedigest.header import one_line
from onedigest.plan.inputs import base_layers
from onedigest.plan.layers import Layer, Plan, Recipe
from onedigest.rules.layer_names import free_name
from onedigest.rules.quoting import is_plain_path

CONTEXT = "/context"
"""Where stages see the build context, or folders of it."""

INPUTS = "/inputs"
"""Where stages see single inputs."""

ASSEMBLER = "/assemble.pyz"
OUTPUT = "/out"

_COMMENT = 118


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage that makes a layer below /out. `command` has a row for each line, `mounts` are values of `--mount`."""

    name: str
    comment: tuple[str, ...]
    mounts: tuple[str, ...]
    command: tuple[tuple[str, ...], ...]


def context_path(folder: str, file: File) -> str:
    """Return the path of an application's file from the context's root; `folder` is the script's."""
    return posixpath.normpath(posixpath.join(folder, file.place))


def made_layers(plan: Plan) -> tuple[Layer, ...]:
    """Return the layers that a stage makes: those with a recipe that holds something, above the base."""
    bases = {layer.key() for each in plan.platforms for layer in base_layers(each)}
    return tuple(
        layer for layer in plan.layers() if layer.key() not in bases and layer.recipe and not layer.recipe.empty
    )


def stage_names(plan: Plan) -> dict[str, str]:
    """Return the name of the stage of each layer that one makes, by the layer's key. Stages have lower-case names."""
    names: dict[str, str] = {}
    for layer in made_layers(plan):
        names[layer.key()] = free_name(f"layer-{layer.name.lower()}", names.values())
    return names


def layer_stages(plan: Plan, *, script: str, inputs: str, interpreter: str) -> tuple[Stage, ...]:
    """Return the stages of a plan's layers; `script` and `inputs` are paths from the context's root."""
    names = stage_names(plan)
    return tuple(
        _stage(layer, layer.recipe, names[layer.key()], (script, inputs, interpreter))
        for layer in made_layers(plan)
        if layer.recipe
    )


def _stage(layer: Layer, recipe: Recipe, name: str, places: tuple[str, str, str]) -> Stage:
    script, inputs, interpreter = places
    start = (interpreter, "-I", ASSEMBLER, recipe.command, "--tree", "--output", OUTPUT)
    options = tuple(word for option, value in recipe.options for word in (f"--{option}", value))
    given, files = _inputs(recipe, inputs), _files(recipe, script)
    return Stage(
        name=name,
        comment=tuple(textwrap.wrap(one_line(layer.holds), _COMMENT, break_long_words=False, break_on_hyphens=False)),
        mounts=(*given.mounts, *files.mounts),
        command=tuple(row for row in (start, options, *given.rows, *files.rows) if row),
    )


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What the assembler is told of a layer's files, and the mounts that it needs for that."""

    rows: tuple[tuple[str, ...], ...] = ()
    mounts: tuple[str, ...] = ()


def _inputs(recipe: Recipe, folder: str) -> _Arguments:
    """Return arguments that name inputs with their digests, which the assembler checks, and a mount for each."""
    if not recipe.inputs:
        return _Arguments()
    sources = {name: f"{folder}/{name}" for name in sorted(each.name for each in recipe.inputs)}
    if all(map(is_plain_path, sources.values())):
        place, mounts = INPUTS, tuple(_mount(path, f"{INPUTS}/{name}") for name, path in sources.items())
    else:
        place, mounts = f"{CONTEXT}/{folder}", (_mount("", CONTEXT),)
    return _Arguments(tuple((f"--{each.flag}", f"{place}/{each.name}", each.digest) for each in recipe.inputs), mounts)


def _files(recipe: Recipe, script: str) -> _Arguments:
    """Return arguments that name the files of an application, and a mount of where they are."""
    if not recipe.files:
        return _Arguments()
    folder = posixpath.dirname(script)
    named = {file.target: "--script" if isinstance(file.content, bytes) else "--file" for file in recipe.files}
    rows: list[tuple[str, ...]]
    if any(file.source for file in recipe.files):
        places = {file.target: posixpath.join(CONTEXT, context_path(folder, file)) for file in recipe.files}
        rows = [(f"{flag}={target}={places[target]}",) for target, flag in named.items()]
        return _Arguments(tuple(rows), (_mount("", CONTEXT),))
    rows = [("--folder", posixpath.join(CONTEXT, folder)), *((f"{flag}={target}",) for target, flag in named.items())]
    source = folder if is_plain_path(folder) else ""
    return _Arguments(tuple(rows), (_mount(source, posixpath.join(CONTEXT, source).rstrip("/")),))


def _mount(source: str, target: str) -> str:
    """Return the value of `--mount`; without a source the whole context is mounted."""
    return f"type=bind,source={source},target={target}" if source else f"type=bind,target={target}"
