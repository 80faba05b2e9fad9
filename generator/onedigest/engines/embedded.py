"""Knows how to build an image in this process, without a daemon: layers in parallel, each made once per machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from onedigest.assembler import stream
from onedigest.assembler.debian_root import base_layer, system_layer
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.disk_file import disk_entry
from onedigest.assembler.entry import Entry, file_entry, merge
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.assembler.layer import APPLICATION, runtime_layer, wheels_layer
from onedigest.assembler.refusal import Refused
from onedigest.digest import canonical_json, hex_of, of_file
from onedigest.errors import InputError
from onedigest.inputs.store import Store, is_stamped
from onedigest.plan import Layer, Plan

MEMORY = 280 << 20
"""What the members that are inflated at one time may take together, in bytes."""

Known = Mapping[tuple[str, str], Descriptor]
"""Layers that a record states, by platform and by what they hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An image, where its layers are by digest, and what had to be made for it."""

    image: Image
    blobs: Mapping[str, Path]
    made: tuple[str, ...]


def missing_layers(plan: Plan, store: Store) -> tuple[Layer, ...]:
    """Return the layers that are not in the store yet, so that their inputs are needed."""
    return tuple(layer for layer in plan.layers() if _stored(layer, store) is None)


def build(
    plan: Plan, *, inputs: Path, store: Store, known: Known, threads: int, report: Callable[[str], object]
) -> Built:
    """Build an image from inputs that are in the folder `inputs`, or were when their layers were made.

    A layer that `known` states is not inflated: when its compressed bytes have the digest that is stated, its diff
    ID is the one stated too. Raises `InputError` for an input that is missing, changed or refused.
    """
    layers = plan.layers()
    stated = {
        layer.key(): known[each.platform.oci, layer.holds]
        for each in plan.platforms
        for layer in each.layers
        if (each.platform.oci, layer.holds) in known
    }
    maker = _Maker(inputs, store)
    made: list[str] = []

    def provide(layer: Layer) -> Descriptor:
        descriptor = _stored(layer, store)
        if descriptor is None:
            descriptor = maker.make(layer, stated.get(layer.key()))
            made.append(layer.holds)
            report(layer.holds)
        return descriptor

    ordered = sorted(layers, key=_weight, reverse=True)
    with ThreadPoolExecutor(threads) as pool:
        descriptors = dict(zip((layer.key() for layer in ordered), pool.map(provide, ordered), strict=True))
    platforms = [
        assemble_platform(
            each.platform.oci, json.loads(each.config), [descriptors[layer.key()] for layer in each.layers]
        )
        for each in plan.platforms
    ]
    image = assemble_index(platforms)
    blobs = {layer.digest: store.path(layer.digest) for layer in image.layers()}
    return Built(image=image, blobs=blobs, made=tuple(sorted(made)))


def _weight(layer: Layer) -> int:
    return sum(wheel.size for wheel in layer.wheels) + sum(package.size for package in layer.packages)


def _note(layer: Layer) -> str:
    return f"layers/{hex_of(layer.key())}"


def _stored(layer: Layer, store: Store) -> Descriptor | None:
    note = store.read_note(_note(layer))
    if note is None:
        return None
    descriptor = Descriptor(**json.loads(note))
    return descriptor if store.has(descriptor.digest, descriptor.size) else None


class _Maker:
    """Makes layers, for several threads, within one budget of memory."""

    def __init__(self, inputs: Path, store: Store) -> None:
        from onedigest.oci import libdeflate

        self._inputs = inputs
        self._store = store
        self._libdeflate = libdeflate
        self._inflater = libdeflate.Inflater(MEMORY)

    def make(self, layer: Layer, stated: Descriptor | None) -> Descriptor:
        """Make a layer, keep it in the store, and note under its key what it is known by."""
        try:
            with self._store.scratch() as folder:
                file = folder / "layer"
                descriptor = self._write(layer, file, stated)
                self._store.keep(file, descriptor.digest)
        except Refused as refused:
            raise InputError.of(str(refused), hint="the file is not fit for an image; choose another version") from None
        fields = {"diff_id": descriptor.diff_id, "digest": descriptor.digest, "size": descriptor.size}
        self._store.write_note(_note(layer), canonical_json(fields))
        return descriptor

    def _write(self, layer: Layer, file: Path, stated: Descriptor | None) -> Descriptor:
        if layer.kind in ("base", "system"):
            return _to_file(file, lambda output: self._libdeflate.write(self._entries(layer), output))
        if stated is not None and layer.wheels:
            entries = wheels_layer([self._present(wheel.name) for wheel in layer.wheels], _option(layer, "python"))
            with file.open("wb") as output:
                found = stream.write_blob(entries, output)
            if found == (stated.digest, stated.size):
                return stated
        return _to_file(file, lambda output: stream.write(self._entries(layer), output))

    def _entries(self, layer: Layer) -> list[Entry]:
        if layer.kind == "layer":
            wheels = [self._verified(wheel.name, wheel.digest, wheel.size) for wheel in layer.wheels]
            return wheels_layer(wheels, _option(layer, "python"), self._inflater)
        if layer.kind == "runtime":
            return runtime_layer(_option(layer, "interpreter"), _option(layer, "version"))
        if layer.kind == "application":
            return merge(_application(layer))
        packages = [self._verified(each.file_name, each.digest, each.size) for each in layer.packages]
        return base_layer(packages, _option(layer, "user")) if layer.kind == "base" else system_layer(packages)

    def _present(self, name: str) -> Path:
        path = self._inputs / name
        if not path.is_file():
            raise InputError.of(f"`{path.parent.name}/{name}` is missing", hint="run `onedigest fetch`")
        return path

    def _verified(self, name: str, digest: str, size: int) -> Path:
        """Return an input that has its digest: it is the store's own file, unchanged, or it is hashed."""
        path, stored = self._present(name), self._store.path(digest)
        if is_stamped(path, size) and stored.is_file() and path.samefile(stored):
            return path
        if path.stat().st_size != size or of_file(path) != digest:
            raise InputError.of(
                f"`{path.parent.name}/{name}` is not the file of the lock: its size or sha256 differs",
                hint="delete it, and run `onedigest fetch`",
            )
        return path


def _to_file(file: Path, write: Callable[[IO[bytes]], Descriptor]) -> Descriptor:
    with file.open("wb") as output:
        return write(output)


def _application(layer: Layer) -> list[Entry]:
    entries = []
    for file in layer.files:
        target = f"{APPLICATION}/{file.target}"
        if file.content is not None:
            entries.append(file_entry(target, file.content, executable=file.executable, origin="application"))
        elif file.source is not None:
            entries.append(disk_entry(target, file.source, executable=file.executable, origin="application"))
    return entries


def _option(layer: Layer, name: str) -> str:
    return dict(layer.options)[name]
