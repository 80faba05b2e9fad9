"""The push of an image into a repository: what is missing, blobs first, then manifests, and tags last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE, Image, PlatformImage
from onedigest.digest import Digest
from onedigest.net.transfers import Report, transfer_all
from onedigest.registry.repository import Repository


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class PushedBlob:
    """A blob that a manifest names; `size` in bytes."""

    digest: Digest
    size: int


def blobs_of(image: Image) -> tuple[PushedBlob, ...]:
    """Return the distinct blobs of an image, the largest first: they decide how long a push takes."""
    found = {PushedBlob(digest=Digest(each.digest), size=each.size) for each in image.layers()}
    found |= {PushedBlob(digest=Digest(each.config_digest), size=len(each.config)) for each in image.platforms}
    return tuple(sorted(found, key=lambda blob: (-blob.size, blob.digest)))


def find_missing(repository: Repository, blobs: Sequence[PushedBlob]) -> tuple[PushedBlob, ...]:
    """Return the blobs that a repository does not have."""
    present = transfer_all(lambda blob, _: repository.has(blob.digest), blobs)
    return tuple(blob for blob, there in zip(blobs, present, strict=True) if not there)


def begin_uploads(
    repository: Repository, blobs: Sequence[PushedBlob], elsewhere: Mapping[str, str]
) -> dict[PushedBlob, str]:
    """Mount blobs from other repositories of the registry; return those that must be uploaded, and where to.

    `elsewhere` names a repository that is likely to have a blob, by its digest.
    """
    places = transfer_all(lambda blob, _: repository.begin(blob.digest, elsewhere.get(blob.digest, "")), blobs)
    return {blob: place for blob, place in zip(blobs, places, strict=True) if place}


def upload_blobs(
    repository: Repository, places: Mapping[PushedBlob, str], contents: Mapping[str, Path | bytes], report: Report
) -> None:
    """Upload blobs, several at once; `contents` has them by digest."""
    transfer_all(
        lambda blob, counted: repository.upload(blob.digest, blob.size, contents[blob.digest], places[blob], counted),
        tuple(places),
        report,
    )


def put_image(repository: Repository, image: Image) -> None:
    """Put the manifests of an image whose blobs are there, those that are missing, and then the index."""

    def put(platform: PlatformImage, _: Report) -> None:
        if repository.resolve(platform.manifest_digest) is None:
            repository.put_manifest(platform.manifest_digest, MANIFEST_TYPE, platform.manifest)

    transfer_all(put, image.platforms)
    repository.put_manifest(image.digest, INDEX_TYPE, image.index)


def put_tags(repository: Repository, index: bytes, tags: Iterable[str]) -> None:
    """Give an image that is there whole, by its index, its tags: what a tag names is whole at every moment.

    A tag that it has already is left alone.
    """
    for tag in tags:
        repository.put_tag(tag, INDEX_TYPE, index)
