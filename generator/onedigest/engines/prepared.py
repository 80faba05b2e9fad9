"""The parts that other engines take from here: layers that this machine encodes, and the base as its own layout."""

from __future__ import annotations

import json
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import PlatformImage, assemble_index, assemble_platform
from onedigest.assembler.layout import write_layout
from onedigest.checkout import refuse_links
from onedigest.digest import Digest
from onedigest.engines.engine import FindInterpreter
from onedigest.engines.layers import make_layers
from onedigest.formats import CREATED
from onedigest.oci.layout import holds
from onedigest.plan.inputs import base_layers, base_layout, encoded_archive, encoded_layers, prepared_layers
from onedigest.plan.layers import Plan, PlatformPlan
from onedigest.store import Store, link


def place_encoded(
    whole: Plan, *, inputs: Path, store: Store, workers: int, find: FindInterpreter, built: Plan | None = None
) -> None:
    """Put what this machine encodes into the folder `inputs`, and the layout of all bases of an image.

    It is layers of Debian packages, and of bytecode; those of the platforms that are `built`, if not of all. The .debs
    and wheels are in that folder, the layers of a base image in the store.
    """
    layers = prepared_layers(whole, built)
    descriptors, _ = make_layers(layers, inputs=inputs, store=store, workers=workers, find=find)
    for each in (built or whole).platforms:
        for layer in encoded_layers(each):
            descriptor = descriptors[layer.key()]
            store.place(descriptor.digest, descriptor.size, inputs / encoded_archive(layer))
    _place_layout(whole, descriptors, inputs / base_layout(whole), store)


def _place_layout(plan: Plan, descriptors: dict[Digest, Descriptor], output: Path, store: Store) -> None:
    """Write the image of the bases, by which BuildKit knows the platform of what runs in a build stage."""
    platforms = [
        _base_image(each, [descriptors[layer.key()] for layer in base_layers(each)]) for each in plan.platforms
    ]
    image = assemble_index(platforms)
    refuse_links(output.parent.parent, f"{output.parent.name}/{output.name}")
    if not holds(output, image, store):
        write_layout(image, {layer.digest: store.path(layer.digest) for layer in image.layers()}, output, link)


def _base_image(planned: PlatformPlan, layers: list[Descriptor]) -> PlatformImage:
    """Return the image of a base alone. Its variables are those of the image: what is built on it keeps them."""
    name = planned.platform.oci
    system, _, architecture = name.partition("/")
    history = [{"created": CREATED, "created_by": "onedigest base"} for _ in layers]
    settings = json.loads(planned.config)["config"] if planned.layers[0].base_layer else {}
    kept = {key: settings[key] for key in ("Env", "Labels") if key in settings}
    config = {"architecture": architecture, "os": system, "created": CREATED, "config": kept, "history": history}
    return assemble_platform(name, config, layers)
