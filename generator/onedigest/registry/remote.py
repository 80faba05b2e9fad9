"""A registry as the source of an image: its documents, and its layers by way of the store."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import of_bytes
from onedigest.errors import NetworkError
from onedigest.net.download import Download, download_file
from onedigest.net.transfers import Report, transfer_all
from onedigest.oci.documents import DOCUMENT_BYTES
from onedigest.oci.reference import Reference
from onedigest.registry.repository import Repository, stated_type
from onedigest.registry.transport import Access
from onedigest.store import Store


class Remote:
    """An image in a registry as a source of `oci.read`. Documents are kept in the store, by digest."""

    def __init__(self, reference: Reference, access: Access, store: Store) -> None:
        self.reference = reference
        self.name = str(reference)
        self._repository = Repository(reference, access)
        self._store = store

    def top(self) -> tuple[str, bytes]:
        """Return the index, or the only manifest, that the reference means now; what has the digest asked for stays."""
        digest = self.reference.digest
        if digest and (data := self._cached(digest)):
            return stated_type(data), data
        found = self._repository.manifest(self.reference.asked)
        self._store.add(found.data)
        return found.media_type, found.data

    def document(self, digest: str, size: int, *, manifest: bool) -> bytes:
        """Return a manifest or a configuration. Raises `NetworkError` unless it has its digest and size."""
        if (cached := self._cached(digest)) and len(cached) == size:
            return cached
        data = self._repository.manifest(digest).data if manifest else self._repository.blob(digest)
        if len(data) != size:
            raise NetworkError.of(f"{len(data)} bytes, {size} in its descriptor", where=self.where(digest))
        self._store.add(data)
        return data

    def _cached(self, digest: str) -> bytes | None:
        """Return a document that the store has, if it still has its digest."""
        if not self._store.has(digest):
            return None
        with self._store.path(digest).open("rb") as file:
            data = file.read(DOCUMENT_BYTES)
        return data if of_bytes(data) == digest else None

    def where(self, digest: str) -> str:
        """Return the name of a blob or manifest."""
        return str(self.reference.at(digest))

    def layers(self, layers: Iterable[Descriptor], report: Report) -> list[Path]:
        """Fetch layers into the store, in parallel, and return where they are. Raises `NetworkError`."""
        wanted = list(layers)
        transfer_all(self._fetch, wanted, report)
        return [self._store.path(layer.digest) for layer in wanted]

    def _fetch(self, layer: Descriptor, report: Report) -> None:
        if not self._store.has(layer.digest, layer.size):
            file = Download(name=f"layer {layer.digest[7:19]}", digest=layer.digest, size=layer.size)
            download_file(self._store, file, partial(self._repository.open_blob, layer.digest), self.name, report)
