"""The layers of an image, made from their inputs in parallel, each once per machine, and the image of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from onedigest.assembler import stream
from onedigest.assembler.commands import BELOW, LAYERS, Given
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.assembler.refusal import Refused
from onedigest.digest import Digest, canonical_json, hex_of, of_file
from onedigest.engines.engine import Built, FetchInputs, fetch_nothing
from onedigest.errors import EngineError, InputError
from onedigest.plan.layers import Input, Layer, Plan, Recipe
from onedigest.store import Store, is_stamped


def make_layers(
    layers: Sequence[Layer],
    *,
    inputs: Path,
    store: Store,
    workers: int,
    prove: bool = False,
    fetch: FetchInputs = fetch_nothing,
) -> tuple[dict[Digest, Descriptor], tuple[str, ...]]:
    """Make the layers that the store does not have; return all by key, and what those hold that were made.

    With `prove`, what the store has counts only after its content was hashed.
    """
    descriptors = {
        layer.key(): found for layer in layers if (found := layer.base_layer or cached_layer(layer, store, prove=prove))
    }
    missing = sorted((layer for layer in layers if layer.key() not in descriptors), key=_weight, reverse=True)
    if not missing:
        fetch((), lambda _: None)
    else:
        from onedigest.engines.workers import map_in_processes

        requests = [_LayerRequest(layer, inputs, store, prove) for layer in missing]
        made = map_in_processes(_make, requests, workers, lambda start: _fetch_inputs(missing, fetch, start))
        for layer, descriptor in zip(missing, made, strict=True):
            descriptors[layer.key()] = descriptor
    return descriptors, tuple(sorted(layer.holds for layer in missing))


def _fetch_inputs(layers: Sequence[Layer], fetch: FetchInputs, start: Callable[[int], None]) -> None:
    """Have the inputs of layers fetched, and tell the number of each layer whose inputs are all there."""
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
    fetch(layers, arrived)


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


def add_layer(layer: Layer, file: Path, descriptor: Descriptor, store: Store) -> None:
    """Keep the compressed bytes of a layer, and note under its key what it is known by."""
    store.add_file(file, descriptor.digest)
    fields = {"diff_id": descriptor.diff_id, "digest": descriptor.digest, "size": descriptor.size}
    store.write_note(_note(layer), canonical_json(fields))


def _weight(layer: Layer) -> int:
    return sum(each.size for each in layer.inputs)


def _note(layer: Layer) -> str:
    return f"layers/{hex_of(layer.key())}"


def proven_image(plan: Plan, store: Store, *, prove: bool = False) -> Image | None:
    """Return the image of a plan, if this machine made all of its layers and has them; None where it did not."""
    found = {layer.key(): layer.base_layer or cached_layer(layer, store, prove=prove) for layer in plan.layers()}
    known = {key: descriptor for key, descriptor in found.items() if descriptor}
    return assemble(plan, known) if len(known) == len(found) else None


def cached_layer(layer: Layer, store: Store, *, prove: bool = False) -> Descriptor | None:
    """Return what the store has of a layer that this machine made; with `prove`, once its content was hashed."""
    note = store.read_note(_note(layer))
    if note is None:
        return None
    descriptor = Descriptor(**json.loads(note))
    there = store.prove if prove else store.has
    return descriptor if there(descriptor.digest, descriptor.size) else None


@dataclass(frozen=True, slots=True)
class _LayerRequest:
    """What a worker is to do: make a layer from these inputs."""

    layer: Layer
    inputs: Path
    store: Store
    prove: bool


def _make(request: _LayerRequest) -> Descriptor:
    """Make a layer, keep it in the store, and note under its key what it is known by."""
    try:
        with request.store.scratch() as folder:
            file = folder / "layer"
            descriptor = _write(request, file)
            add_layer(request.layer, file, descriptor, request.store)
    except Refused as refused:
        raise InputError.of(str(refused), hint="the file is not fit for an image; choose another version") from None
    return descriptor


def _write(request: _LayerRequest, file: Path) -> Descriptor:
    from onedigest.oci import libdeflate

    recipe = request.layer.recipe
    if recipe is None:
        raise EngineError.of(f"{request.layer.holds}: nothing makes this layer")
    encode = libdeflate.write if recipe.encoded else stream.write
    with file.open("wb") as output:
        return encode(_entries(request, recipe), output)


def _entries(request: _LayerRequest, recipe: Recipe) -> list[Entry]:
    from onedigest.engines.workers import inflater

    given = Given(
        options=dict(recipe.options),
        inputs=_inputs(request, recipe),
        below=next((_verified(request, each) for each in recipe.inputs if each.flag == BELOW), None),
        files=((file.target, file.content, file.executable) for file in recipe.files),
        inflater=inflater(),
    )
    return LAYERS[recipe.command].entries(given)


def _inputs(request: _LayerRequest, recipe: Recipe) -> list[Path]:
    """Return the inputs that a layer is made of; with `prove` all of them are, whatever was noted."""
    from onedigest.engines.workers import inflater

    paths = {each.name: _verified(request, each) for each in recipe.inputs if each.flag != BELOW}
    if not paths or request.prove or not LAYERS[recipe.command].settles:
        return list(paths.values())
    from onedigest.engines.shared_path_inputs import inputs_that_matter

    return inputs_that_matter(recipe, paths, request.store, inflater())


def _present(request: _LayerRequest, name: str) -> Path:
    path = request.inputs / name
    if not path.is_file():
        raise InputError.of(f"`{path.parent.name}/{name}` is missing", hint="run `onedigest fetch`")
    return path


def _verified(request: _LayerRequest, given: Input) -> Path:
    """Return an input that has its digest: it is the store's own file, unchanged, or it is hashed."""
    path, stored = _present(request, given.name), request.store.path(given.digest)
    there = request.store.prove if request.prove else request.store.has
    if is_stamped(path, given.size) and there(given.digest, given.size) and path.samefile(stored):
        return path
    if path.stat().st_size != given.size or of_file(path) != given.digest:
        raise InputError.of(
            f"`{path.parent.name}/{given.name}` is not the file of the lock: its size or sha256 differs",
            hint="delete it, and run `onedigest fetch`",
        )
    return path
