"""The digests and sizes that identify a layer."""

from __future__ import annotations

from dataclasses import dataclass

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a layer is known by: `digest` and `size` of the compressed bytes, `diff_id` of the tar.

    Layers that are made here have the one media type; those of a base image keep theirs.
    """

    diff_id: str
    digest: str
    size: int
    media_type: str = LAYER_TYPE
