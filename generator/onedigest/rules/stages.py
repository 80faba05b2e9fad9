"""The build stages of a Dockerfile: one for each layer that is made, and how its files reach it."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from onedigest.assembler.selection import Selection
from onedigest.header import one_line
from onedigest.plan.inputs import base_layers, taken_archive
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


def layer_stages(plan: Plan, *, inputs: str, interpreter: str) -> tuple[Stage, ...]:
    """Return the stages of a plan's layers; `inputs` is a path from the context's root."""
    names = stage_names(plan)
    return tuple(
        _stage(layer, layer.recipe, names[layer.key()], (inputs, interpreter))
        for layer in made_layers(plan)
        if layer.recipe
    )


def _stage(layer: Layer, recipe: Recipe, name: str, places: tuple[str, str]) -> Stage:
    inputs, interpreter = places
    start = (interpreter, "-I", ASSEMBLER, recipe.command, "--tree", "--output", OUTPUT)
    options = tuple(word for option, value in recipe.options for word in (f"--{option}", value))
    given = _inputs(recipe, inputs)
    archive = _archive(taken_archive(layer), inputs)
    files = _application(recipe.selection) if recipe.selection else _Arguments()
    return Stage(
        name=name,
        comment=tuple(textwrap.wrap(one_line(layer.holds), _COMMENT, break_long_words=False, break_on_hyphens=False)),
        mounts=_apart((*given.mounts, *archive.mounts, *files.mounts)),
        command=tuple(row for row in (start, options, *given.rows, *archive.rows, *files.rows) if row),
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
    place, mounts = _mounted(sorted(each.name for each in recipe.inputs), folder)
    return _Arguments(tuple((f"--{each.flag}", f"{place}/{each.name}", each.digest) for each in recipe.inputs), mounts)


def _archive(name: str, folder: str) -> _Arguments:
    """Return the argument that names the archive that a layer is taken from, and a mount for it."""
    if not name:
        return _Arguments()
    place, mounts = _mounted([name], folder)
    return _Arguments((("--encoded", f"{place}/{name}"),), mounts)


def _mounted(names: Iterable[str], folder: str) -> tuple[str, tuple[str, ...]]:
    """Return where a stage sees inputs, and a mount for each: or one of the context, where a path is not plain."""
    sources = {name: f"{folder}/{name}" for name in names}
    if all(map(is_plain_path, sources.values())):
        return INPUTS, tuple(_mount(path, f"{INPUTS}/{name}") for name, path in sources.items())
    return f"{CONTEXT}/{folder}", (_mount("", CONTEXT),)


def _application(selection: Selection) -> _Arguments:
    """Return what selects the files of an application, and mounts of the folders that they are in."""
    sources = _sources(selection)
    if sources and all(map(is_plain_path, sources)):
        mounts = tuple(_mount(source, f"{CONTEXT}/{source}") for source in sources)
    else:
        mounts = (_mount("", CONTEXT),)
    return _Arguments((("--project", CONTEXT), *selection.arguments()), mounts)


def _sources(selection: Selection) -> tuple[str, ...]:
    """Return the folders and files that a selection reads, from the context's root; none where it may be any."""
    copied = [source for _, source in selection.copies]
    ignore = [each for each in (selection.ignore_file,) if each]
    own = ["."] if selection.files else [selection.script]
    paths = {posixpath.normpath(posixpath.join(selection.folder, each)) for each in (*own, *copied, *ignore) if each}
    outer = {path for path in paths if not any(path.startswith(f"{other}/") for other in paths)}
    if "." in paths or any(not _is_within(path, outer) for path in selection.reached):
        return ()
    return tuple(sorted(outer))


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _apart(mounts: Iterable[str]) -> tuple[str, ...]:
    """Return mounts without those of parts of the context, where the whole of it is mounted."""
    held = tuple(dict.fromkeys(mounts))
    whole = _mount("", CONTEXT)
    return tuple(each for each in held if each == whole or f",target={CONTEXT}/" not in each) if whole in held else held


def _mount(source: str, target: str) -> str:
    """Return the value of `--mount`; without a source the whole context is mounted."""
    return f"type=bind,source={source},target={target}" if source else f"type=bind,target={target}"
