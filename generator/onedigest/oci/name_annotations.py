"""The annotations by which a layout names its image, as docker, podman and containerd read them."""

from __future__ import annotations

from collections.abc import Sequence

from onedigest.assembler.image import INDEX_TYPE, Image, layout_index
from onedigest.digest import canonical_json
from onedigest.oci.reference import parse_reference

FULL_NAME = "io.containerd.image.name"
TAG = "org.opencontainers.image.ref.name"


def named_index(image: Image, names: Sequence[str]) -> bytes:
    """Return the `index.json` of a layout whose image has these names, each with its tag; without any it has none.

    The image's own index, and so its digest, is the same whatever it is called (image-layout.md, annotations.md).
    """
    if not names:
        return layout_index(image)
    described = {"mediaType": INDEX_TYPE, "digest": image.digest, "size": len(image.index)}
    rows = [{**described, "annotations": {FULL_NAME: name, TAG: tag_of(name)}} for name in map(full_name, names)]
    return canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": rows})


def full_name(name: str) -> str:
    """Return a name with the registry that docker takes for granted."""
    return str(parse_reference(name))


def tag_of(name: str) -> str:
    """Return the tag of a name that has one."""
    return name.rpartition(":")[2]
