"""Knows the build stages of a Dockerfile: one for each layer that is made, and how its files reach it."""

from __future__ import annotations

import posixpath
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onedigest.application import File
from onedigest.header import one_line
from onedigest.plan import Layer, Plan
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


def stage_names(plan: Plan) -> dict[str, str]:
    """Return the name of the stage of each layer that one makes, by the layer's key.

    A stage is named after what it holds, and after its platform where others have another layer in its place.
    """
    names: dict[str, str] = {}
    for layer in plan.layers():
        if layer.kind in ("base", "image", "run", "workdir"):
            continue
        users = [each.platform for each in plan.platforms if layer in each.layers]
        suffix = f"-{users[0].architecture}" if len(users) < len(plan.platforms) else ""
        names[layer.key()] = free_name(f"layer-{_held(layer)}{suffix}", names.values())
    return names


def layer_stages(plan: Plan, *, script: str, inputs: str, interpreter: str) -> tuple[Stage, ...]:
    """Return the stages of a plan's layers; `script` and `inputs` are paths from the context's root."""
    names = stage_names(plan)
    arguments: dict[str, Callable[[Layer], _Arguments]] = {
        "application": lambda layer: _application(layer, script),
        "folder": lambda layer: _Arguments((_options(layer),)),
        "layer": lambda layer: _wheels(layer, inputs),
        "runtime": _runtime,
        "system": lambda layer: _packages(layer, inputs),
    }
    stages = []
    for layer in plan.layers():
        if layer.key() not in names:
            continue
        made = arguments[layer.kind](layer)
        start = (interpreter, "-I", ASSEMBLER, layer.kind, "--tree", "--output", OUTPUT)
        comment = textwrap.wrap(one_line(layer.holds), _COMMENT, break_long_words=False, break_on_hyphens=False)
        stages.append(
            Stage(
                name=names[layer.key()],
                comment=tuple(comment),
                mounts=made.mounts,
                command=(start, *made.rows),
            )
        )
    return tuple(stages)


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What the assembler is told of a layer, and the mounts that it needs for that."""

    rows: tuple[tuple[str, ...], ...]
    mounts: tuple[str, ...] = ()


def _held(layer: Layer) -> str:
    if layer.kind != "layer":
        return layer.kind
    if len(layer.wheels) == 1:
        return layer.holds.partition(" ")[0]
    pure = [wheel.name.endswith("-none-any.whl") for wheel in layer.wheels]
    return "small-pure-wheels" if all(pure) else "small-native-wheels" if not any(pure) else "small-wheels"


def _wheels(layer: Layer, inputs: str) -> _Arguments:
    files = [(wheel.name, wheel.digest) for wheel in layer.wheels]
    return _pinned("--wheel", files, inputs, ("--python", dict(layer.options)["python"]))


def _packages(layer: Layer, inputs: str) -> _Arguments:
    return _pinned("--deb", [(each.file_name, each.digest) for each in layer.packages], inputs)


def _pinned(flag: str, files: Sequence[tuple[str, str]], inputs: str, *rows: tuple[str, ...]) -> _Arguments:
    """Return arguments that name inputs with their digests, which the assembler checks, and a mount for each."""
    sources = {name: f"{inputs}/{name}" for name, _ in sorted(files)}
    if all(map(is_plain_path, sources.values())):
        place, mounts = INPUTS, tuple(_mount(path, f"{INPUTS}/{name}") for name, path in sources.items())
    else:
        place, mounts = f"{CONTEXT}/{inputs}", (_mount("", CONTEXT),)
    return _Arguments((*rows, *((flag, f"{place}/{name}", digest) for name, digest in files)), mounts)


def _runtime(layer: Layer) -> _Arguments:
    options = dict(layer.options)
    return _Arguments((("--interpreter", options["interpreter"], "--version", options["version"]),))


def _application(layer: Layer, script: str) -> _Arguments:
    folder = posixpath.dirname(script)
    named = {file.target: "--script" if isinstance(file.content, bytes) else "--file" for file in layer.files}
    options = [_options(layer)] if layer.options else []
    rows: list[tuple[str, ...]]
    if any(file.source for file in layer.files):
        places = {file.target: posixpath.join(CONTEXT, context_path(folder, file)) for file in layer.files}
        rows = [(f"{flag}={target}={places[target]}",) for target, flag in named.items()]
        return _Arguments((*options, *rows), (_mount("", CONTEXT),))
    rows = [("--folder", posixpath.join(CONTEXT, folder)), *((f"{flag}={target}",) for target, flag in named.items())]
    source = folder if is_plain_path(folder) else ""
    return _Arguments((*options, *rows), (_mount(source, posixpath.join(CONTEXT, source).rstrip("/")),))


def _options(layer: Layer) -> tuple[str, ...]:
    return tuple(word for name, value in layer.options for word in (f"--{name}", value))


def _mount(source: str, target: str) -> str:
    """Return the value of `--mount`; without a source the whole context is mounted."""
    return f"type=bind,source={source},target={target}" if source else f"type=bind,target={target}"
