"""The layers that the store keeps: what each is known by, under the key of all that decides its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.stream import Output
from onedigest.bytecode.sources import LeftOut
from onedigest.digest import Digest, canonical_json, hex_of
from onedigest.plan.layers import Layer
from onedigest.store import Store, link


def add_layer(
    layer: Layer,
    file: Path,
    descriptor: Descriptor,
    store: Store,
    left_out: Sequence[LeftOut] = (),
    *,
    stranger: bool = False,
) -> None:
    """Keep the compressed bytes of a layer, and note under its key what it is known by, and what it is without.

    What a `stranger` compiled, the Python of an image, is known to images above that one alone.
    """
    store.add_file(file, descriptor.digest)
    place = _places(layer)[-1 if stranger else 0]
    if layer.bytecode:
        store.write_note(f"left-out/{place}", canonical_json(left_out))
    fields = {"diff_id": descriptor.diff_id, "digest": descriptor.digest, "size": descriptor.size}
    store.write_note(f"layers/{place}", canonical_json(fields))


def write_layer(
    layer: Layer,
    write: Callable[[Output], Descriptor],
    store: Store,
    left_out: Sequence[LeftOut] = (),
    *,
    stranger: bool = False,
) -> Descriptor:
    """Have the bytes of a layer written, keep them as `add_layer` does, and return what they are known by."""
    with store.scratch() as folder:
        file = folder / "layer"
        with file.open("wb") as output:
            descriptor = write(output)
        add_layer(layer, file, descriptor, store, left_out, stranger=stranger)
    return descriptor


def cached_layer(layer: Layer, store: Store, *, prove: bool = False) -> Descriptor | None:
    """Return what the store has of a layer that this machine made; with `prove`, once its content was hashed."""
    return next((descriptor for _, descriptor in _kept(layer, store, prove=prove)), None)


def lend_layer(layer: Layer, store: Store, other: Store) -> None:
    """Have another store keep a layer, too, if this one has it."""
    for place, descriptor in _kept(layer, store):
        with other.scratch() as folder:
            file = folder / "layer"
            link(store.path(descriptor.digest), file)
            is_strangers = place != _places(layer)[0]
            add_layer(layer, file, descriptor, other, left_out(layer, store), stranger=is_strangers)
        return


def left_out(layer: Layer, store: Store) -> tuple[LeftOut, ...]:
    """Return the sources of which a kept layer has no bytecode."""
    place = next((place for place, _ in _kept(layer, store)), "")
    note = store.read_note(f"left-out/{place}") if place else None
    return tuple(LeftOut(*each) for each in json.loads(note or b"[]"))


def _kept(layer: Layer, store: Store, *, prove: bool = False) -> Iterator[tuple[str, Descriptor]]:
    """Yield where a layer is noted whose bytes are there, and what it is known by."""
    there = store.prove if prove else store.has
    for place in _places(layer):
        if note := store.read_note(f"layers/{place}"):
            descriptor = Descriptor(**json.loads(note))
            if there(descriptor.digest, descriptor.size):
                yield place, descriptor


def _places(layer: Layer) -> tuple[str, ...]:
    """Return where it is noted what a layer is known by: to all images, and to those above its base."""
    key, base = hex_of(layer.key()), layer.bytecode.base if layer.bytecode else ""
    return (key, f"above-{hex_of(Digest(base))}/{key}") if base else (key,)
