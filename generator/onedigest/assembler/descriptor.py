"""Knows what a layer is known by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a layer is known by: `digest` and `size` of the compressed bytes, `diff_id` of the tar."""

    diff_id: str
    digest: str
    size: int
