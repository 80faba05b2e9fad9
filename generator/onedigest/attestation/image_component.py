"""The image itself in a bill of materials: its manifests and layers."""

from __future__ import annotations

from collections.abc import Iterator

from cyclonedx.model.component import Component, ComponentType
from packageurl import PackageURL

from onedigest import untrusted
from onedigest.assembler.image import Image, PlatformImage
from onedigest.attestation.components import add_property, make_component


def make_image_component(name: str, image: Image) -> Component:
    """Return the component of an image, which holds one for each platform, which holds those of its layers.

    A layer is known by the digest of its blob. Its diff ID and media type are properties, and so is its place, from
    below, since the components of a document have no order.
    """
    whole = make_component(ComponentType.CONTAINER, name, "", image.digest, PackageURL("oci", None, name, image.digest))
    for each in image.platforms:
        whole.components.add(_platform(name, each))
    return whole


def _platform(name: str, image: PlatformImage) -> Component:
    architecture = image.platform.partition("/")[2]
    digest = image.manifest_digest
    purl = PackageURL("oci", None, name, digest, {"arch": architecture})
    component = make_component(ComponentType.CONTAINER, name, "", digest, purl)
    add_property(component, "onedigest:platforms", image.platform)
    for layer in _layers(image):
        component.components.add(layer)
    return component


def _layers(image: PlatformImage) -> Iterator[Component]:
    lines = [line["created_by"] for line in untrusted.load_json(image.config)["history"]]
    for place, (layer, line) in enumerate(zip(image.layers, lines, strict=True), start=1):
        component = make_component(ComponentType.FILE, line, "", layer.digest, None)
        component.bom_ref.value = f"{image.platform}/{place}@{layer.digest}"
        add_property(component, "onedigest:media-type", layer.media_type)
        add_property(component, "onedigest:diff-id", layer.diff_id)
        add_property(component, "onedigest:place", str(place))
        yield component
