"""Layers of bytecode, made by a CPython of the image's version: first of each wheel by itself, then of several."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler.bytecode_layer import application_bytecode
from onedigest.assembler.commands import STATED
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import PLACE, read_stated
from onedigest.assembler.wheel_metadata import canonical_name, file_name_identity
from onedigest.bytecode.compiler import Compiler
from onedigest.bytecode.interpreter import Interpreter
from onedigest.bytecode.layer import Compilation, bytecode_layer, emptied
from onedigest.bytecode.library import LibraryFiles, library_of_image, library_of_packages
from onedigest.bytecode.sources import LeftOut, sources_in
from onedigest.bytecode_path import bytecode_path
from onedigest.digest import Digest
from onedigest.engines.kept_layers import cached_layer, left_out, write_layer
from onedigest.engines.recipe_entries import Materials, entries_of, refusing
from onedigest.errors import InputError
from onedigest.plan.layers import BaseLayer, Bytecode, Input, Layer, Recipe
from onedigest.store import Store

if TYPE_CHECKING:
    from onedigest.oci.libdeflate import Members

_WHEELS = "wheels"


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Layers that share sources, which one worker makes, each source being compiled once."""

    layers: tuple[Layer, ...]
    materials: Materials
    interpreter: Interpreter


def wheel_by_wheel(layer: Layer) -> tuple[Layer, ...]:
    """Return the bytecode of each wheel by itself, which is put together for a layer of several; else the layer."""
    parts = layer.bytecode.of if layer.bytecode else ()
    recipe = parts[0] if parts else None
    if not isinstance(recipe, Recipe) or recipe.command != _WHEELS or len(recipe.inputs) == 1:
        return (layer,)
    return tuple(_of_one(layer, recipe, each) for each in sorted(recipe.inputs, key=partial(_project, recipe)))


def _of_one(layer: Layer, recipe: Recipe, wheel: Input) -> Layer:
    assert layer.bytecode
    options = {name: value for name, value in recipe.options if name != STATED}
    stated = [each for each in dict(recipe.options).get(STATED, "").split(",") if each.startswith(f"{wheel.name}=")]
    given = tuple({**options, **({STATED: stated[0]} if stated else {})}.items())
    alone = replace(recipe, options=given, inputs=(wheel,))
    return replace(layer, holds=wheel.name, content=replace(layer.bytecode, of=(alone,)))


def _project(recipe: Recipe, wheel: Input) -> str:
    """Return the normalised name of a wheel's project."""
    stated = read_stated(dict(recipe.options).get(STATED, ""))
    return canonical_name((stated.get(wheel.name) or file_name_identity(wheel.name))[0])


def make_compiled_layers(
    layers: Sequence[Layer], materials: Materials, interpreter: Interpreter, workers: int
) -> dict[Digest, Descriptor]:
    """Make layers of bytecode; return what they are known by, by their keys. Raises `InputError`."""
    from onedigest.engines.workers import map_in_processes

    works = [Work(layers=each, materials=materials, interpreter=interpreter) for each in _shared(layers)]
    works.sort(key=lambda work: -sum(each.size for layer in work.layers for each in layer.inputs))
    try:
        made = list(map_in_processes(_make_all, works, workers))
    finally:
        _end_compilers()
    pairs = (
        (layer, found)
        for work, several in zip(works, made, strict=True)
        for layer, found in zip(work.layers, several, strict=True)
    )
    return {layer.key(): found for layer, found in pairs}


def _shared(layers: Iterable[Layer]) -> list[tuple[Layer, ...]]:
    """Return groups of layers that are likely to share sources: those of one project, or of one base."""
    groups: dict[tuple[str, ...], list[Layer]] = {}
    for layer in layers:
        assert layer.bytecode
        groups.setdefault((layer.bytecode.library, *_names(layer)), []).append(layer)
    return [tuple(each) for each in groups.values()]


def _names(layer: Layer) -> list[str]:
    """Return what layers that share sources have in common: their projects, or nothing but themselves."""
    own = layer.bytecode.of[0] if layer.bytecode else None
    if isinstance(own, Recipe) and own.command == _WHEELS:
        return sorted(_project(own, each) for each in own.inputs)
    return [] if layer.bytecode and layer.bytecode.library else [layer.key()]


def _make_all(work: Work) -> list[Descriptor]:
    """Compile the sources of layers, keep their bytecode in the store, and return what they are known by."""
    first = work.layers[0].bytecode
    assert first
    compilation = Compilation(compiler=_compiler(work.interpreter), python=first.python, checked=first.checked)
    members: Members = {}
    stranger = work.interpreter.stranger
    make = partial(_make, materials=work.materials, compilation=compilation, members=members, stranger=stranger)
    return [refusing(partial(make, layer)) for layer in work.layers]


_compilers: dict[Interpreter, Compiler] = {}
_running = ExitStack()
"""The compilers of this process: those of a worker end with it."""


def _compiler(interpreter: Interpreter) -> Compiler:
    if interpreter not in _compilers:
        _compilers[interpreter] = _running.enter_context(Compiler(interpreter))
    return _compilers[interpreter]


def _end_compilers() -> None:
    _compilers.clear()
    _running.close()


def _make(
    layer: Layer, *, materials: Materials, compilation: Compilation, members: Members, stranger: bool
) -> Descriptor:
    from onedigest.oci import libdeflate

    entries, without = _entries(layer, materials, compilation)
    write = partial(libdeflate.write, entries, made=members)
    return write_layer(layer, write, materials.store, sorted(without), stranger=stranger)


def _entries(layer: Layer, materials: Materials, compilation: Compilation) -> tuple[list[Entry], list[LeftOut]]:
    """Return the entries of a layer of bytecode, and what is left out of it."""
    bytecode = layer.bytecode
    assert bytecode
    units = wheel_by_wheel(layer)
    if len(units) > 1:
        files, without = _joined(units, bytecode.python, materials.store)
        return bytecode_layer(files), without
    if bytecode.library:
        library = _library(bytecode, materials)
        files, without = compilation.compile(library.sources)
        return bytecode_layer(files, library.folders), without
    own = bytecode.of[0]
    assert isinstance(own, Recipe)
    sources = sources_in(entries_of(own, materials), bytecode.python, _below(own, bytecode))
    files, without = compilation.compile(sources)
    files |= emptied((each for each in without if _may_hide(each, own)), bytecode.python)
    return _application(own, files) if own.command == "application" else bytecode_layer(files), without


def _may_hide(source: LeftOut, own: Recipe) -> bool:
    """Tell whether a layer below may have a file at the path of a source, and so bytecode of that one."""
    if own.command == "application":
        return not source.path.startswith(f"{dict(own.options)['root'].rstrip('/')}/")
    return own.command == "virtual-environment"


def _library(bytecode: Bytecode, materials: Materials) -> LibraryFiles:
    """Return the sources of a base's library that have no bytecode."""
    own, store = bytecode.of[0], materials.store
    if isinstance(own, Recipe):
        return library_of_packages(entries_of(own, materials), bytecode.library, bytecode.python)
    layers = [each.descriptor for each in bytecode.of if isinstance(each, BaseLayer)]
    there = store.prove if materials.prove else store.has
    if missing := [each.digest for each in layers if not there(each.digest, each.size)]:
        raise InputError.of(f"the layer {missing[0]} of the base is missing", hint="run `onedigest fetch`")
    return library_of_image(layers, bytecode.library, bytecode.python, store)


def _below(own: Recipe, bytecode: Bytecode) -> str:
    """Return the folder whose sources are compiled, from the root; nothing for all."""
    options = dict(own.options)
    if own.command == "application":
        return ""
    major, minor = bytecode.python.split(".")[:2]
    return f"{options.get('place', PLACE)[1:]}/lib/python{major}.{minor}/site-packages"


def _application(own: Recipe, files: Mapping[str, bytes]) -> list[Entry]:
    """Return the entries of an application's bytecode, whose folders are those of its own layer."""
    options = dict(own.options)
    return application_bytecode(files.items(), options["root"], options["owner"], options.get("known", ""))


def _joined(units: Sequence[Layer], python: str, store: Store) -> tuple[dict[str, bytes], list[LeftOut]]:
    """Return the bytecode of several wheels, in whose order the last one has a path that they share."""
    files: dict[str, bytes] = {}
    without: dict[str, LeftOut] = {}
    for unit in units:
        descriptor = cached_layer(unit, store)
        assert descriptor  # it was made a moment ago
        brought = _read(store.path(descriptor.digest))
        missing = left_out(unit, store)
        for each in missing:
            files.pop(bytecode_path(each.path[1:], python), None)
        without = {path: each for path, each in without.items() if bytecode_path(path[1:], python) not in brought}
        files |= brought
        without |= {each.path: each for each in missing}
    return files, list(without.values())


def _read(blob: Path) -> dict[str, bytes]:
    """Return the files of a layer that this machine made."""
    found = {}
    with tarfile.open(blob, "r:gz") as archive:
        for member in archive:
            if file := archive.extractfile(member) if member.isfile() else None:
                found[member.name] = file.read()
    return found
