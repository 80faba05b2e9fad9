"""The layers of an image, made from their inputs in parallel, each once per machine, and the image of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from onedigest.assembler import stream
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.assembler.stream import Output
from onedigest.bytecode.interpreter import Interpreter
from onedigest.digest import Digest
from onedigest.engines.engine import Built, FetchInputs, FindInterpreter, fetch_nothing
from onedigest.engines.kept_layers import cached_layer, write_layer
from onedigest.engines.recipe_entries import Materials, entries_of, refusing
from onedigest.errors import EngineError
from onedigest.plan.layers import Layer, Plan
from onedigest.store import Store


def make_layers(
    layers: Sequence[Layer],
    *,
    inputs: Path,
    store: Store,
    workers: int,
    find: FindInterpreter,
    prove: bool = False,
    fetch: FetchInputs = fetch_nothing,
) -> tuple[dict[Digest, Descriptor], tuple[str, ...]]:
    """Make the layers that the store does not have; return all by key, and what those hold that were made.

    With `prove`, what the store has counts only after its content was hashed. `find` is asked for an interpreter when
    a layer of bytecode is missing.
    """
    descriptors = {
        layer.key(): found for layer in layers if (found := layer.base_layer or cached_layer(layer, store, prove=prove))
    }
    missing = sorted((layer for layer in layers if layer.key() not in descriptors), key=_weight, reverse=True)
    if not missing:
        fetch((), lambda _: None)
        return descriptors, ()
    materials = Materials(inputs=inputs, store=store, prove=prove)
    assembled = [layer for layer in missing if not layer.bytecode]
    compiled = [layer for layer in missing if layer.bytecode]
    descriptors |= _assemble(assembled, missing, materials, workers, fetch)
    if compiled:
        descriptors |= _compile(compiled, materials, workers, find())
    return descriptors, tuple(sorted(layer.holds for layer in missing))


def _assemble(
    layers: Sequence[Layer], missing: Sequence[Layer], materials: Materials, workers: int, fetch: FetchInputs
) -> dict[Digest, Descriptor]:
    """Make layers, each as soon as its inputs are there; those of all that are missing are fetched."""
    from onedigest.engines.workers import map_in_processes

    requests = [_LayerRequest(layer, materials) for layer in layers]
    made = map_in_processes(_make, requests, workers, lambda start: _fetch_inputs(layers, missing, fetch, start))
    return {layer.key(): descriptor for layer, descriptor in zip(layers, made, strict=True)}


def _compile(
    layers: Sequence[Layer], materials: Materials, workers: int, interpreter: Interpreter
) -> dict[Digest, Descriptor]:
    """Compile the sources of layers: those of each wheel first, which the other layers are put together of."""
    from onedigest.engines.bytecode_layers import make_compiled_layers, wheel_by_wheel

    units = {each.key(): each for layer in layers for each in wheel_by_wheel(layer)}
    joined = [layer for layer in layers if layer.key() not in units]
    # those of another image's layers are there, and another process may have made any meanwhile
    kept = ((key, cached_layer(each, materials.store, prove=materials.prove)) for key, each in units.items())
    found = {key: descriptor for key, descriptor in kept if descriptor}
    alone = [each for key, each in units.items() if key not in found]
    for several in (alone, joined):
        found |= make_compiled_layers(several, materials, interpreter, workers)
    return {layer.key(): found[layer.key()] for layer in layers}


def _fetch_inputs(
    layers: Sequence[Layer], missing: Sequence[Layer], fetch: FetchInputs, start: Callable[[int], None]
) -> None:
    """Have the inputs of what is missing fetched, and tell the number of each layer whose inputs are all there."""
    waiting = {number: {each.name for each in layer.inputs} for number, layer in enumerate(layers)}
    held = Lock()

    def arrived(name: str) -> None:
        with held:
            ready = [number for number, names in waiting.items() if names == {name}]
            for names in waiting.values():
                names.discard(name)
            for number in ready:
                del waiting[number]
                start(number)

    for number in [number for number, names in waiting.items() if not names]:
        del waiting[number]
        start(number)
    fetch(missing, arrived)


def finish(plan: Plan, descriptors: Mapping[Digest, Descriptor], store: Store, made: tuple[str, ...]) -> Built:
    """Put an image together from layers that are in the store."""
    image = assemble(plan, descriptors)
    blobs = {layer.digest: store.path(layer.digest) for layer in image.layers()}
    return Built(image=image, blobs=blobs, made=made)


def assemble(plan: Plan, descriptors: Mapping[Digest, Descriptor]) -> Image:
    """Return the image of a plan whose layers are known by these descriptors."""
    annotations = dict(plan.annotations)
    platforms = [
        assemble_platform(
            each.platform.oci, json.loads(each.config), [descriptors[layer.key()] for layer in each.layers], annotations
        )
        for each in plan.platforms
    ]
    return assemble_index(platforms, annotations)


def _weight(layer: Layer) -> int:
    return sum(each.size for each in layer.inputs)


def proven_image(plan: Plan, store: Store, *, prove: bool = False) -> Image | None:
    """Return the image of a plan, if this machine made all of its layers and has them; None where it did not."""
    found = {layer.key(): layer.base_layer or cached_layer(layer, store, prove=prove) for layer in plan.layers()}
    known = {key: descriptor for key, descriptor in found.items() if descriptor}
    return assemble(plan, known) if len(known) == len(found) else None


@dataclass(frozen=True, slots=True)
class _LayerRequest:
    """What a worker is to do: make a layer from these inputs."""

    layer: Layer
    materials: Materials


def _make(request: _LayerRequest) -> Descriptor:
    """Make a layer, keep it in the store, and note under its key what it is known by."""
    return refusing(lambda: write_layer(request.layer, partial(_write, request), request.materials.store))


def _write(request: _LayerRequest, output: Output) -> Descriptor:
    from onedigest.oci import libdeflate

    recipe = request.layer.recipe
    if recipe is None:
        raise EngineError.of(f"{request.layer.holds}: nothing makes this layer")
    encode = libdeflate.write if recipe.encoded else stream.write
    return encode(entries_of(recipe, request.materials), output)
