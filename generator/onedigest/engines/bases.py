"""Knows how the base reaches other engines: its layers among the inputs, and as a layout of an image of their own."""

from __future__ import annotations

from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import assemble_index, assemble_platform
from onedigest.assembler.layout import write_layout
from onedigest.digest import Digest
from onedigest.engines.embedded import make_layers
from onedigest.fetching import base_archive, base_layout
from onedigest.inputs.store import Store, link
from onedigest.oci.layout import holds
from onedigest.plan import CREATED, Plan


def place_bases(plan: Plan, *, inputs: Path, store: Store, workers: int) -> None:
    """Make the base layers of a plan and put them into the folder `inputs`, whose .debs are there."""
    layers = {each.layers[0].key(): each.layers[0] for each in plan.platforms}
    descriptors, _ = make_layers(tuple(layers.values()), {}, inputs=inputs, store=store, workers=workers)
    for each in plan.platforms:
        base = each.layers[0]
        descriptor = descriptors[base.key()]
        store.place(descriptor.digest, descriptor.size, inputs / base_archive(base, each.platform))
    _place_layout(plan, descriptors, inputs / base_layout(plan), store)


def _place_layout(plan: Plan, descriptors: dict[Digest, Descriptor], output: Path, store: Store) -> None:
    """Write the image of the bases, by which BuildKit knows the platform of what runs in a build stage."""
    platforms = [
        assemble_platform(each.platform.oci, _configuration(each.platform.oci), [descriptors[each.layers[0].key()]])
        for each in plan.platforms
    ]
    image = assemble_index(platforms)
    if not holds(output, image.digest):
        write_layout(image, {layer.digest: store.path(layer.digest) for layer in image.layers()}, output, link)


def _configuration(platform: str) -> dict[str, object]:
    system, _, architecture = platform.partition("/")
    history = [{"created": CREATED, "created_by": "onedigest base"}]
    return {"architecture": architecture, "os": system, "created": CREATED, "config": {}, "history": history}
