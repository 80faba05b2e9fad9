"""The attaching of an artifact to an image that stays as it is (OCI distribution specification, "Referrers")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, canonical_json, hex_of, of_bytes
from onedigest.registry.repository import Repository, descriptors_in

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"


KEY = "onedigest.key"
"""The annotation that tells from what an artifact was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A document about an image. `key` tells from what it was made, `predicate` the type of a statement.

    `title` is the name of the file that tools such as oras write where they pull it.
    """

    media_type: str
    data: bytes
    key: str
    title: str
    predicate: str = ""


def list_referrers(repository: Repository, subject: Digest) -> list[dict[str, Any]]:
    """Return the descriptors of what is attached to an image: by the registry's list, or else by the tag for it."""
    listed = repository.referrers(subject)
    return _by_tag(repository, subject) if listed is None else listed


def attach(repository: Repository, subject: Mapping[str, Any], artifacts: Iterable[Artifact]) -> list[Digest]:
    """Push artifacts that refer to an image, given as its descriptor; return their digests.

    A registry that keeps no list of referrers gets a tag with one, as the specification says.
    """
    digests, unlisted = [], []
    for artifact in artifacts:
        manifest = _manifest(subject, artifact)
        for blob in (_EMPTY, artifact.data):
            digest = of_bytes(blob)
            if not repository.has(digest):
                repository.upload(digest, len(blob), blob, "", lambda _: None)
        digest = of_bytes(manifest)
        answer = repository.put_manifest(digest, MANIFEST_TYPE, manifest)
        if "oci-subject" not in answer.headers:
            unlisted.append(_descriptor(artifact, digest, len(manifest)))
        digests.append(digest)
    if unlisted:
        _list_by_tag(repository, subject["digest"], unlisted)
    return digests


def _manifest(subject: Mapping[str, Any], artifact: Artifact) -> bytes:
    described = {
        "mediaType": artifact.media_type,
        "digest": of_bytes(artifact.data),
        "size": len(artifact.data),
        "annotations": {"org.opencontainers.image.title": artifact.title},
    }
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": artifact.media_type,
            "config": {"mediaType": _EMPTY_TYPE, "digest": of_bytes(_EMPTY), "size": len(_EMPTY), "data": "e30="},
            "layers": [described],
            "subject": dict(subject),
            "annotations": _annotations(artifact),
        }
    )


def _annotations(artifact: Artifact) -> dict[str, str]:
    predicate = {"in-toto.io/predicate-type": artifact.predicate} if artifact.predicate else {}
    return {KEY: artifact.key, **predicate}


def _descriptor(artifact: Artifact, digest: Digest, size: int) -> dict[str, Any]:
    return {
        "mediaType": MANIFEST_TYPE,
        "digest": digest,
        "size": size,
        "artifactType": artifact.media_type,
        "annotations": _annotations(artifact),
    }


def _tag(subject: str) -> str:
    return f"sha256-{hex_of(subject)}"


def _by_tag(repository: Repository, subject: str) -> list[dict[str, Any]]:
    tag = _tag(subject)
    if repository.resolve(tag) is None:
        return []
    return descriptors_in(repository.manifest(tag).data)


def _list_by_tag(repository: Repository, subject: str, added: list[dict[str, Any]]) -> None:
    new = {row["digest"] for row in added}
    rows = [row for row in _by_tag(repository, subject) if str(row.get("digest")) not in new]
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*rows, *added]}
    repository.put_tag(_tag(subject), INDEX_TYPE, canonical_json(index))
