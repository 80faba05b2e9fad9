"""The archive of an image: an OCI layout with names, and beside it what docker's own archives have.

Docker with the containerd image store, containerd, skopeo and podman read the layout; a docker with the classic image
store, crane, and a podman that meets several names read `manifest.json`, which has one platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from onedigest.assembler import stream
from onedigest.assembler.disk_file import DiskFile
from onedigest.assembler.entry import Entry, file_entry, merge
from onedigest.assembler.image import LAYOUT, Image
from onedigest.assembler.stream import Output
from onedigest.digest import canonical_json, hex_of
from onedigest.oci.name_annotations import full_name, named_index


def write_docker_archive(
    image: Image, blobs: Mapping[str, Path], names: Sequence[str], platform: str, file: Output
) -> None:
    """Write an archive of an image under names such as `penguins:latest`.

    What reads the layout takes all platforms; what reads `manifest.json` takes the one that is named, or the first.
    """
    chosen = next((each for each in image.platforms if each.platform == platform), image.platforms[0])
    classic = {
        "Config": _blob(chosen.config_digest),
        "RepoTags": [full_name(name) for name in names],
        "Layers": [_blob(layer.digest) for layer in chosen.layers],
    }
    documents = {
        **{_blob(digest): document for digest, document in image.documents().items()},
        "index.json": named_index(image, names),
        "manifest.json": canonical_json([classic]),
        "oci-layout": LAYOUT,
    }
    entries = [file_entry(path, document, executable=False, origin="layout") for path, document in documents.items()]
    for layer in image.layers():
        content = DiskFile(blobs[layer.digest], layer.size, hex_of(layer.digest))
        entries.append(Entry(_blob(layer.digest), "file", 0o644, layer.size, content))
    stream.write_tar(merge(entries), file)


def _blob(digest: str) -> str:
    return f"blobs/sha256/{hex_of(digest)}"
