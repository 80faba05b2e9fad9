"""The media types of images: OCI's, and those of docker's that came before (distribution, schema 2)."""

from __future__ import annotations

from onedigest.assembler.descriptor import LAYER_TYPE
from onedigest.assembler.image import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE

DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = (INDEX_TYPE, DOCKER_INDEX)
MANIFESTS = (MANIFEST_TYPE, DOCKER_MANIFEST)
MANIFEST_TYPES = (*INDEXES, *MANIFESTS)

CONFIGS = (CONFIG_TYPE, "application/vnd.docker.container.image.v1+json")

_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

LAYERS = {
    LAYER_TYPE: "gzip",
    f"{_DOCKER_LAYER}.gzip": "gzip",
    f"{_OCI_LAYER}+zstd": "zstd",
    f"{_DOCKER_LAYER}.zstd": "zstd",
    _OCI_LAYER: "",
    _DOCKER_LAYER: "",
}
"""How the layers of each media type are compressed."""

FOREIGN_LAYERS = frozenset(
    f"{kind}{compression}"
    for kind, compressions in (
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", ("", "+gzip", "+zstd")),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", ("", ".gzip")),
    )
    for compression in compressions
)
"""Layers that are somewhere else than the image, at an address that it states."""
