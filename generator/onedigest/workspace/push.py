"""The push of an image by a command: its target, its tags, and what must be made for it first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import InputError
from onedigest.formats import LOCK_FILE, RECORD_FILE
from onedigest.wording import amount, plural
from onedigest.workspace.output_names import repository_of
from onedigest.workspace.results import BlobCounts, PushResult

if TYPE_CHECKING:
    from onedigest.assembler.descriptor import Descriptor
    from onedigest.assembler.image import Image as BuiltImage
    from onedigest.oci.reference import Reference
    from onedigest.plan.record import Record
    from onedigest.workspace.context import Context
    from onedigest.workspace.planned_image import PlannedImage

KEY_DIGITS = 16
"""Hexadecimal digits of a plan's digest that make the tag of its image."""

_REPOSITORY = re.compile(r'(?m)^repository = "([^"\s]+)"$')

Provide = Callable[[frozenset[str]], Mapping[str, Path]]
"""Makes the layers with these digests, and returns where they are."""


class Push:
    """One image and the repository that it is pushed to."""

    def __init__(self, context: Context, job: PlannedImage, named: str, tags: tuple[str, ...]) -> None:
        from onedigest.registry.repository import Repository

        self._context = context
        self._job = job
        self.reference = _reference(job, named)
        self.tags = (content_tag(job), *tags)
        self.repository = Repository(self.reference, context.access, "pull,push")
        self._there: frozenset[str] = frozenset()

    def is_there(self, record: Record) -> bool:
        """Tell whether the registry has the recorded image under all of its tags: one request for each."""
        return all(self.repository.resolve(tag) == record.index for tag in self.tags)

    def has_pushed(self, record: Record) -> bool:
        """Tell whether the repository has the recorded image under the tag of its plan, which only a push gives it.

        Its other tags are given to it then.
        """
        from onedigest.registry.push import put_tags

        if self.repository.resolve(self.tags[0]) != record.index:
            return False
        others = [tag for tag in self.tags[1:] if self.repository.resolve(tag) != record.index]
        if others:
            put_tags(self.repository, self.repository.manifest(record.index).data, others)
        return True

    def has_blobs(self, blobs: Iterable[Descriptor]) -> frozenset[str]:
        """Return the digests of the blobs that the repository has, which it is not asked for again."""
        from onedigest.digest import Digest
        from onedigest.registry.push import PushedBlob, find_missing

        wanted = sorted({PushedBlob(digest=Digest(each.digest), size=each.size) for each in blobs})
        missing = find_missing(self.repository, wanted)
        self._there |= {each.digest for each in wanted if each not in missing}
        return self._there

    def send(self, image: BuiltImage, provide: Provide) -> PushResult:
        """Push what is missing of an image; return what is to be said of it. Blobs go first, tags last.

        Where the registry has the index, it has all that the index names: it took it only so.
        """
        from onedigest.registry.push import begin_uploads, blobs_of, find_missing, put_image, put_tags, upload_blobs

        blobs = blobs_of(image)
        whole = self.repository.resolve(image.digest) is not None
        unknown = tuple(blob for blob in blobs if blob.digest not in self._there)
        missing = () if whole else find_missing(self.repository, unknown)
        wanted = frozenset(blob.digest for blob in missing)
        places = begin_uploads(self.repository, missing, self._elsewhere(wanted) if missing else {})
        size = sum(blob.size for blob in places)
        if places:
            contents: dict[str, Path | bytes] = {each.config_digest: each.config for each in image.platforms}
            contents.update(provide(frozenset(blob.digest for blob in places) - contents.keys()))
            title = f"{self._job.image.spec.name}: pushing"
            with self._context.events.progress(title, size) as progress:
                upload_blobs(self.repository, places, contents, progress.advance)
        if not whole:
            put_image(self.repository, image)
        put_tags(self.repository, image.index, self.tags)
        counts = BlobCounts(
            present=len(blobs) - len(missing),
            mounted=len(missing) - len(places),
            uploaded=len(places),
            bytes=size,
        )
        self._say(counts)
        return self.result(image.digest, counts)

    def result(self, digest: str, counts: BlobCounts | None = None) -> PushResult:
        """Return what is to be said of a push."""
        return PushResult(reference=str(self.reference.at(digest)), tags=self.tags, blobs=counts)

    def say_present(self) -> None:
        """Say that nothing was to be done."""
        self._context.said(f"{self._job.image.spec.name}: pushed already, as {self._names()}")

    def _say(self, counts: BlobCounts) -> None:
        mounted = f", {counts.mounted} mounted" if counts.mounted else ""
        self._context.said(
            f"{self._job.image.spec.name}: {plural(counts.uploaded, 'blob')} uploaded, {amount(counts.bytes)}"
            f"{mounted}, {counts.present} there; pushed as {self._names()}"
        )

    def _names(self) -> str:
        return ", ".join(f"{self.reference.name}:{tag}" for tag in self.tags)

    def _elsewhere(self, wanted: frozenset[str]) -> dict[str, str]:
        """Return, by digest, the first other repository of the registry that is likely to have it."""
        found: dict[str, str] = {}
        for repository, digests in (*self._base(), *self._siblings()):
            for digest in digests & wanted if repository != self.reference.repository else ():
                found.setdefault(digest, repository)
        return found

    def _base(self) -> Iterator[tuple[str, frozenset[str]]]:
        lock, origin = self._job.lock, self._job.lock.base.origin
        if origin and origin.registry == self.reference.registry:
            layers = (layer for platform in lock.platforms for layer in lock.base.layers(platform))
            yield origin.repository, frozenset(layer.digest for layer in layers)

    def _siblings(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield the other images of the lock folder that are pushed to this registry, with their recorded layers."""
        from onedigest.oci.reference import parse_reference
        from onedigest.rules.files import read

        folder = self._job.image.folder
        for record in sorted(folder.parent.glob(f"*/{RECORD_FILE}")):
            named = _REPOSITORY.search(read(record.with_name(LOCK_FILE)) or "")
            if record.parent.name == folder.name or not named:
                continue
            try:
                reference = parse_reference(named[1])
            except InputError:
                continue  # whoever builds that image is told
            if reference.registry == self.reference.registry:
                yield (
                    reference.repository,
                    frozenset(re.findall(r'\bdigest = "(sha256:[0-9a-f]{64})"', read(record) or "")),
                )


def content_tag(job: PlannedImage) -> str:
    """Return the tag that says what an image is built from: one request tells whether it was built."""
    from onedigest.digest import hex_of

    return hex_of(job.plan.digest())[:KEY_DIGITS]


def _reference(job: PlannedImage, named: str) -> Reference:
    reference = repository_of(job.image.spec, named)
    if reference is None:
        raise InputError.of(
            f"{job.image.spec.name}: no repository to push to is known",
            where=job.image.spec.script,
            hint='set `repository = "HOST/NAME"` in [tool.onedigest], or use --repository',
        )
    return reference
