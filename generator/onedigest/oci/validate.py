"""The check of an image on this disk: every digest, size and diff ID is computed again."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from onedigest.digest import Digest
from onedigest.errors import InputError, Problem
from onedigest.oci.compression import InflatedStream, most_inflated
from onedigest.oci.documents import parse
from onedigest.oci.local_image import Layout, LayoutArchive
from onedigest.oci.media import LAYERS, MANIFEST_TYPES
from onedigest.oci.read import ReadImage, ReadLayer, distinct_layers, read_from
from onedigest.oci.rootfs import Blob


def validate(layout: Path) -> list[Problem]:
    """Recompute every digest, size and diff ID of a layout in a folder; return all that is wrong."""
    return prove(Layout(layout))


def prove(source: Layout | LayoutArchive) -> list[Problem]:
    """Recompute every digest, size and diff ID of a layout; return all that is wrong."""
    image = read_from(source)
    used = {image.digest}
    for platform in image.platforms:
        used |= {platform.manifest, platform.config_digest, *(layer.digest for layer in platform.layers)}
    problems: list[Problem] = []
    for layer in distinct_layers(image):
        try:
            problems += check_layer(source.blob(layer.digest), layer, source.where(layer.digest))
        except InputError as error:
            problems += error.problems
    beside, wrong = _beside(source, image, used)
    unused = [name for name in source.present() if f"sha256:{name}" not in used | beside]
    return problems + wrong + [Problem("no document refers to it", f"blobs/sha256/{name}") for name in unused]


def _beside(source: Layout | LayoutArchive, image: ReadImage, used: Collection[str]) -> tuple[set[str], list[Problem]]:
    """Return what the index names beside images, such as attestations, with what these name, and what is wrong of it.

    Not all of it has to be there.
    """
    present = {f"sha256:{name}" for name in source.present()} - set(used)
    found: set[str] = set()
    problems = []
    waiting = [row for row in image.named if row.get("digest") in present]
    while waiting:
        row = waiting.pop()
        digest = row["digest"]
        if digest in found:
            continue
        found.add(digest)
        try:
            problems += _wrong_digest(source, digest)
            if not problems and row.get("mediaType") in MANIFEST_TYPES:
                document = parse(source.read(source.where(digest)), source.where(digest))
                waiting += [each for each in _children(document) if each["digest"] in present]
        except InputError as error:
            problems += error.problems
    return found, problems


def _wrong_digest(source: Layout | LayoutArchive, digest: str) -> list[Problem]:
    with source.blob(digest).open("rb") as file:
        found = InflatedStream(file, "").digest()
    return [] if found == digest else [Problem(f"the content has the digest {found}", source.where(digest))]


def _children(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the descriptors in a document that need not be an image."""
    for key in ("manifests", "layers"):
        rows = document.get(key)
        yield from (each for each in (rows if isinstance(rows, list) else ()) if _is_descriptor(each))
    if _is_descriptor(document.get("config")):
        yield document["config"]


def _is_descriptor(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("digest"), str)


def check_layer(blob: Blob, layer: ReadLayer, where: str) -> list[Problem]:
    """Recompute size, digest and diff ID of a layer; return what is wrong."""
    try:
        with blob.open("rb") as file:
            if (size := file.seek(0, os.SEEK_END)) != layer.size:
                return [Problem(f"{size} bytes, {layer.size} in the manifest", where)]
            file.seek(0)
            found = InflatedStream(file, "").digest()
    except OSError as error:
        return [Problem(f"cannot be read: {error.strerror}", where)]
    problems = []
    if found != layer.digest:
        problems.append(Problem(f"the content has the digest {found}", where))
    try:
        diff_id = diff_id_of(blob, layer)
    except InputError as error:
        return [*problems, Problem(error.problems[0].message, where)]
    if diff_id != layer.diff_id:
        problems.append(Problem(f"the diff ID is {diff_id}, {layer.diff_id} in the configuration", where))
    return problems


def diff_id_of(blob: Blob, layer: ReadLayer) -> Digest:
    """Return the digest of what a compressed layer holds. Raises `InputError` for one that is broken."""
    with blob.open("rb") as file:
        return InflatedStream(file, LAYERS[layer.media_type], most_inflated(layer.size)).digest()
