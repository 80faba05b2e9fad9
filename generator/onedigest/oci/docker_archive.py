"""Knows the archive that `docker load` takes: an OCI layout with names, and a manifest for older image stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from onedigest.assembler.image import INDEX_TYPE, Image
from onedigest.assembler.stream import Output
from onedigest.digest import canonical_json, hex_of
from onedigest.oci.layout import write_archive
from onedigest.oci.reference import parse_reference


def write_docker_archive(
    image: Image, blobs: Mapping[str, Path], names: Sequence[str], platform: str, file: Output
) -> None:
    """Write an archive of an image under names such as `penguins:latest`.

    The containerd image store takes all platforms; the classic one takes the one that is named.
    """
    described = {"mediaType": INDEX_TYPE, "digest": image.digest, "size": len(image.index)}
    manifests = [{**described, "annotations": _annotations(name)} for name in names]
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
    chosen = next((each for each in image.platforms if each.platform == platform), image.platforms[0])
    classic = {
        "Config": _blob(chosen.config_digest),
        "RepoTags": list(names),
        "Layers": [_blob(layer.digest) for layer in chosen.layers],
    }
    documents = {"index.json": canonical_json(index), "manifest.json": canonical_json([classic])}
    write_archive(documents, image, blobs, file)


def full_name(name: str) -> str:
    """Return a name with the registry that docker takes for granted."""
    return str(parse_reference(name))


def _annotations(name: str) -> dict[str, str]:
    tag = name.rpartition(":")[2]
    return {"io.containerd.image.name": full_name(name), "org.opencontainers.image.ref.name": tag}


def _blob(digest: str) -> str:
    return f"blobs/sha256/{hex_of(digest)}"
