"""The layers that the store keeps: what each is known by, under the key of all that decides its bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.bytecode.sources import LeftOut
from onedigest.digest import canonical_json, hex_of
from onedigest.plan.layers import Layer
from onedigest.store import Store, link


def add_layer(layer: Layer, file: Path, descriptor: Descriptor, store: Store, left_out: Sequence[LeftOut] = ()) -> None:
    """Keep the compressed bytes of a layer, and note under its key what it is known by, and what it is without."""
    store.add_file(file, descriptor.digest)
    if layer.bytecode:
        store.write_note(_note("left-out", layer), canonical_json(left_out))
    fields = {"diff_id": descriptor.diff_id, "digest": descriptor.digest, "size": descriptor.size}
    store.write_note(_note("layers", layer), canonical_json(fields))


def cached_layer(layer: Layer, store: Store, *, prove: bool = False) -> Descriptor | None:
    """Return what the store has of a layer that this machine made; with `prove`, once its content was hashed."""
    note = store.read_note(_note("layers", layer))
    if note is None:
        return None
    descriptor = Descriptor(**json.loads(note))
    there = store.prove if prove else store.has
    return descriptor if there(descriptor.digest, descriptor.size) else None


def lend_layer(layer: Layer, store: Store, other: Store) -> None:
    """Have another store keep a layer, too, if this one has it."""
    descriptor = cached_layer(layer, store)
    if descriptor:
        with other.scratch() as folder:
            file = folder / "layer"
            link(store.path(descriptor.digest), file)
            add_layer(layer, file, descriptor, other, left_out(layer, store))


def left_out(layer: Layer, store: Store) -> tuple[LeftOut, ...]:
    """Return the sources of which a kept layer has no bytecode."""
    note = store.read_note(_note("left-out", layer))
    return tuple(LeftOut(*each) for each in json.loads(note)) if note else ()


def _note(kind: str, layer: Layer) -> str:
    return f"{kind}/{hex_of(layer.key())}"
