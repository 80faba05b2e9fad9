"""The registry's protocol (OCI distribution specification 1.1): manifests, tags, blobs and referrers."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import urllib3

from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, is_digest, of_bytes
from onedigest.errors import NetworkError, Problem
from onedigest.net.encryption import UnfitSettings
from onedigest.net.transfers import Report
from onedigest.oci.reference import Reference
from onedigest.registry import upload as uploading
from onedigest.registry.authorization import Denied, RegistryAnswer
from onedigest.registry.endpoint import Endpoint, endpoints_of
from onedigest.registry.hosts_toml import RESOLVE
from onedigest.registry.refusals import Unreachable
from onedigest.registry.transport import MOST_MANIFEST, Access
from onedigest.untrusted import load_json

_OK, _CREATED, _ACCEPTED, _PARTIAL = 200, 201, 202, 206
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _NO_RANGE = 401, 403, 404, 416
_NO_HEAD = (400, 405, 501)
"""Answers to HEAD of what knows GET alone."""
_NOT_MOVED = (400, 403, 405, 409, 412, 422)
"""How registries refuse to give a tag to another image: ECR with 400, Artifactory 403, Quay 409, Harbor 412."""

_TRIES = 6
_OPENED = 2
"""How often a blob is begun at one host before another one is asked."""

_NOT_SEEN = re.compile(rb'"(?:MANIFEST_)?(?:BLOB_)?UNKNOWN"')
"""Errors of a registry that does not know what a manifest names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index as a registry gave it."""

    media_type: str
    data: bytes
    digest: Digest


class Repository:
    """One repository of a registry; several threads may use it. `mode` is `pull`, or `pull,push`."""

    def __init__(self, reference: Reference, access: Access, mode: str = "pull") -> None:
        self.reference = reference
        self._endpoints = endpoints_of(reference, access, mode)
        self._writes = mode != "pull"
        self._gone: set[Endpoint] = set()
        self._begun: Counter[str] = Counter()
        self._probing = threading.Lock()
        self._probed: list[str] | None = None

    def resolve(self, name: str) -> Digest | None:
        """Return the digest that a tag or digest has now, by one request; None where there is none.

        None too where a credential that may push may not look: a push finds out.
        """
        return self._first(lambda endpoint: self._resolve(endpoint, name), name)

    def manifest(self, name: str) -> Document:
        """Return a manifest or an index. Raises `NetworkError` unless it has the digest that it is asked by."""
        found = self._first(lambda endpoint: self._get(endpoint, name), name)
        if found is None:
            raise NetworkError.of(f"there is no image {self._shown(name)}", hint="correct the tag or the digest")
        return found

    def blob(self, digest: str) -> bytes:
        """Return a small blob, such as a configuration, which has its digest. Raises `NetworkError`."""

        def get(endpoint: Endpoint) -> bytes:
            answer = endpoint.ask("GET", endpoint.blob(digest))
            if answer.status != _OK:
                raise endpoint.transport.failure(answer, f"pull {self._shown(digest)}")
            if of_bytes(answer.body) != digest:
                raise NetworkError.of(
                    f"{endpoint.registry} gave another blob than it was asked for", where=self._shown(digest)
                )
            return answer.body

        return self._given(get, digest)

    def open_blob(self, digest: str, start: int) -> urllib3.BaseHTTPResponse:
        """Request the bytes of a blob from `start` on. Raises `NetworkError` where it is not to be had."""
        headers = {"range": f"bytes={start}-"} if start else {}

        def send(endpoint: Endpoint) -> urllib3.BaseHTTPResponse:
            response = endpoint.send("GET", endpoint.blob(digest), headers)
            if response.status in (_OK, _PARTIAL, _NO_RANGE):
                return response
            raise endpoint.transport.failure(endpoint.transport.whole(response), f"pull {self._shown(digest)}")

        passed = self._begun[digest] // _OPENED
        self._begun[digest] += 1
        return self._given(send, digest, passed)

    def has(self, digest: str) -> bool:
        """Tell whether the repository has a blob, as far as the user's credential may look."""
        endpoint = self._endpoints[-1]
        answer = self._looked(endpoint, lambda: endpoint.ask("HEAD", endpoint.blob(digest)))
        if answer is None:
            return False
        if answer.status not in (_OK, _NOT_FOUND, *_NO_HEAD):
            raise endpoint.transport.failure(answer, f"look for {self._shown(digest)}")
        return answer.status == _OK

    def begin(self, digest: str = "", source: str = "") -> str:
        """Begin an upload, or mount the blob from the repository `source` of this registry.

        Returns the address to upload to, or nothing where the blob was mounted.
        """
        with self._probing:
            if self._probed and not source:
                return self._probed.pop()
        return uploading.begin(self._endpoints[-1], digest, source)

    def upload(self, digest: str, size: int, content: Path | bytes, place: str, report: Report) -> None:
        """Upload a blob to a place that `begin` gave; start over where that is gone. Raises `NetworkError`."""
        uploading.upload(self._endpoints[-1], digest, size, content, place, report, self.has)

    def put_manifest(self, name: str, media_type: str, data: bytes) -> RegistryAnswer:
        """Put a manifest or an index under a digest or a tag. Raises `NetworkError`.

        What it names was put before. A registry that does not see all of it yet, since several machines serve it or
        someone else pushes the same, is asked again.
        """
        answer = self._put(name, media_type, data)
        if answer.status not in (_OK, _CREATED, _ACCEPTED):
            raise self._endpoints[-1].transport.failure(answer, f"push {self._shown(name)}")
        return answer

    def put_tag(self, tag: str, media_type: str, data: bytes) -> None:
        """Give a manifest or an index that is there a tag, unless it has that tag. Raises `NetworkError`.

        A registry whose tags stay what they are refuses also what would change nothing.
        """
        digest = of_bytes(data)
        if self.resolve(tag) == digest:
            return
        answer = self._put(tag, media_type, data)
        if answer.status in (_OK, _CREATED, _ACCEPTED):
            return
        there = self.resolve(tag) if answer.status in _NOT_MOVED else None
        if there == digest:  # someone else was here
            return
        refusing = self._endpoints[-1].transport.refusing
        if there:
            raise NetworkError.of(
                f"{self._shown(tag)} is another image, and {refusing.registry} does not let this one have the tag"
                f"{refusing.said(answer.body)}",
                hint=f"use another `--tag`, or have the registry let tags move; that image is {there}",
            )
        raise refusing.failure(answer, f"push {self._shown(tag)}")

    def referrers(self, digest: str) -> list[dict[str, Any]] | None:
        """Return the descriptors of what refers to a manifest; None where the registry does not keep them."""
        endpoint = self._endpoints[-1]
        answer = endpoint.ask("GET", endpoint.referrers(digest), most=MOST_MANIFEST)
        if answer.status != _OK or stated_type(answer.body) != INDEX_TYPE:
            return None
        return descriptors_in(answer.body)

    def _first(self, ask: Callable[[Endpoint], T | None], name: str, passed: int = 0) -> T | None:
        """Return the first thing that a host has, in their order; None where the last one has none.

        A host that did not answer is not asked again. Raises `NetworkError` with what all of them said.
        """
        hosts = [each for each in self._endpoints if is_digest(name) or RESOLVE in each.capabilities]
        hosts = [each for each in hosts[passed:-1] if each not in self._gone] + hosts[-1:]
        if not hosts:
            raise NetworkError.of(
                f"no host is stated for {self.reference.registry} that says which image a tag is",
                hint="add the capability resolve to one in its hosts.toml, or name the image by its digest",
            )
        problems: list[Problem] = []
        for endpoint in hosts:
            try:
                found = ask(endpoint)
            except UnfitSettings:  # as for containerd: nobody sees else that a host is never asked
                raise
            except NetworkError as error:
                problems += error.problems
                if isinstance(error, Unreachable):
                    self._gone.add(endpoint)
            else:
                if found is not None or endpoint is hosts[-1]:
                    return found
        raise NetworkError(problems)

    def _given(self, ask: Callable[[Endpoint], T], name: str, passed: int = 0) -> T:
        found = self._first(ask, name, passed)
        assert found is not None
        return found

    def _resolve(self, endpoint: Endpoint, name: str) -> Digest | None:
        answer = self._looked(endpoint, lambda: endpoint.look("HEAD", name))
        if answer is None or answer.status == _NOT_FOUND:
            return None
        if answer.status not in (_OK, *_NO_HEAD):
            raise endpoint.transport.failure(answer, f"look for {self._shown(name)}")
        stated = answer.headers.get("docker-content-digest", "") if answer.status == _OK else ""
        if is_digest(stated):
            return Digest(stated)
        found = self._get(endpoint, name)
        return found.digest if found else None

    def _looked(self, endpoint: Endpoint, look: Callable[[], RegistryAnswer]) -> RegistryAnswer | None:
        """Return the answer to a look; None where a credential was shown that may not read, and may still push.

        Some registries say the same to a user who may not look as to one who is not known.
        """
        try:
            answer = look()
        except Denied:
            if not self._may_push(endpoint):
                raise
            return None
        refused = answer.status in (_UNAUTHORIZED, _FORBIDDEN)
        return None if refused and self._may_push(endpoint) else answer

    def _may_push(self, endpoint: Endpoint) -> bool:
        """Tell whether a credential was shown for a push. Raises `NetworkError` where it is not taken.

        The first upload is begun to know it: so one that has expired is told before anything is built.
        """
        if not (self._writes and endpoint.transport.refusing.shown_from):
            return False
        with self._probing:
            if self._probed is None:
                self._probed = [uploading.begin(endpoint)]
        return True

    def _get(self, endpoint: Endpoint, name: str) -> Document | None:
        answer = endpoint.look("GET", name)
        if answer.status == _NOT_FOUND:
            return None
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        if answer.status != _OK or media_type == "text/html":
            raise endpoint.transport.failure(answer, f"pull {self._shown(name)}")
        digest = of_bytes(answer.body)
        expected = name if is_digest(name) else answer.headers.get("docker-content-digest", digest)
        if digest != expected:
            raise NetworkError.of(
                f"{endpoint.registry} gave another manifest than the one that it states: {digest}",
                where=self._shown(name),
                hint="try again; if it stays so, do not trust what is between you and the registry",
            )
        return Document(stated_type(answer.body) or media_type, answer.body, digest)

    def _put(self, name: str, media_type: str, data: bytes) -> RegistryAnswer:
        endpoint = self._endpoints[-1]
        for number in range(1, _TRIES + 1):
            answer = endpoint.ask(
                "PUT",
                endpoint.manifest(name),
                headers={"content-type": media_type, "content-length": str(len(data))},
                body=lambda: data,
            )
            done = answer.status in (_OK, _CREATED, _ACCEPTED)
            if done or number == _TRIES or not _NOT_SEEN.search(answer.body) or not endpoint.transport.waits(number):
                break
        return answer

    def _shown(self, name: str) -> str:
        return f"{self.reference.name}{'@' if is_digest(name) else ':'}{name}"


def stated_type(data: bytes) -> str:
    """Return the media type that a document states of itself, or that its form implies."""
    try:
        document = load_json(data)
        stated = document.get("mediaType")
        if isinstance(stated, str) and stated:
            return stated
        implied = {"manifests": INDEX_TYPE, "layers": MANIFEST_TYPE}
        return next((kind for key, kind in implied.items() if isinstance(document.get(key), list)), "")
    except (ValueError, AttributeError):
        return ""


def descriptors_in(data: bytes) -> list[dict[str, Any]]:
    """Return the descriptors that an index has, and nothing for what is none."""
    try:
        rows = load_json(data).get("manifests")
    except (ValueError, AttributeError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
