"""Knows the registry's protocol (OCI distribution specification 1.1): manifests, blobs, uploads, referrers."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import urllib3

from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, is_digest, of_bytes
from onedigest.errors import NetworkError
from onedigest.inputs.patience import BUSY
from onedigest.oci.authorization import Answer
from onedigest.oci.media import MANIFEST_TYPES
from onedigest.oci.reference import Reference
from onedigest.oci.together import Report
from onedigest.oci.transport import MOST_MANIFEST, Access, Transport
from onedigest.untrusted import load_json

_OK, _CREATED, _ACCEPTED, _NO_CONTENT, _PARTIAL = 200, 201, 202, 204, 206
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE = 401, 403, 404, 413
_NO_RANGE = 416
_ACCEPT = {"accept": ", ".join(MANIFEST_TYPES)}
_TRIES = 6
_NOT_SEEN = re.compile(rb'"(?:MANIFEST_)?(?:BLOB_)?UNKNOWN"')
"""Errors of a registry that does not know what a manifest names."""
_CHUNK = 16 << 20
"""Bytes of a chunk, where a registry, or what is before it, does not take a blob whole."""


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
        host, self._path = reference.registry, reference.repository
        mirror = dict(access.mirrors).get(host, "") if mode == "pull" else ""
        if mirror:
            host, _, prefix = mirror.partition("/")
            self._path = f"{prefix}/{self._path}".lstrip("/")
        self.registry = host
        self._transport = Transport(host, access, self._path)
        self._scopes = (f"repository:{self._path}:{mode}",)

    def resolve(self, name: str) -> Digest | None:
        """Return the digest that a tag or digest has now, by one request; None where there is none."""
        answer = self._transport.ask(
            "HEAD",
            self._manifest(name),
            scopes=self._scopes,
            headers=_ACCEPT,
            most=MOST_MANIFEST,
        )
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise self._transport.failure(answer, f"look for {self._shown(name)}")
        stated = answer.headers.get("docker-content-digest", "")
        return Digest(stated) if is_digest(stated) else self.manifest(name).digest

    def manifest(self, name: str) -> Document:
        """Return a manifest or an index. Raises `NetworkError` unless it has the digest that it is asked by."""
        answer = self._transport.ask(
            "GET",
            self._manifest(name),
            scopes=self._scopes,
            headers=_ACCEPT,
            most=MOST_MANIFEST,
        )
        if answer.status == _NOT_FOUND:
            raise NetworkError.of(f"there is no image {self._shown(name)}", hint="correct the tag or the digest")
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        if answer.status != _OK or media_type == "text/html":
            raise self._transport.failure(answer, f"pull {self._shown(name)}")
        digest = of_bytes(answer.body)
        expected = name if is_digest(name) else answer.headers.get("docker-content-digest", digest)
        if digest != expected:
            raise NetworkError.of(
                f"{self.registry} gave another manifest than the one that it states: {digest}",
                where=self._shown(name),
                hint="try again; if it stays so, do not trust what is between you and the registry",
            )
        return Document(stated_type(answer.body) or media_type, answer.body, digest)

    def blob(self, digest: str) -> bytes:
        """Return a small blob, such as a configuration, which has its digest. Raises `NetworkError`."""
        answer = self._transport.ask("GET", self._blob(digest), scopes=self._scopes)
        if answer.status != _OK:
            raise self._transport.failure(answer, f"pull {self._shown(digest)}")
        if of_bytes(answer.body) != digest:
            raise NetworkError.of(f"{self.registry} gave another blob than it was asked for", where=self._shown(digest))
        return answer.body

    def open_blob(self, digest: str, start: int) -> urllib3.BaseHTTPResponse:
        """Request the bytes of a blob from `start` on. Raises `NetworkError` where it is not to be had."""
        headers = {"range": f"bytes={start}-"} if start else {}
        response = self._transport.send("GET", self._blob(digest), scopes=self._scopes, headers=headers)
        if response.status in (_OK, _PARTIAL, _NO_RANGE):
            return response
        raise self._transport.failure(self._transport.whole(response), f"pull {self._shown(digest)}")

    def has(self, digest: str) -> bool:
        """Tell whether the repository has a blob."""
        answer = self._transport.ask("HEAD", self._blob(digest), scopes=self._scopes)
        if answer.status not in (_OK, _NOT_FOUND):
            raise self._transport.failure(answer, f"look for {self._shown(digest)}")
        return answer.status == _OK

    def begin(self, digest: str = "", source: str = "") -> str:
        """Begin an upload, or mount the blob from the repository `source` of this registry.

        Returns the address to upload to, or nothing where the blob was mounted.
        """
        path, scopes = f"/v2/{self._path}/blobs/uploads/", list(self._scopes)
        if source:
            path += f"?mount={digest}&from={quote(source, safe='/')}"
            scopes.append(f"repository:{source}:pull")
        answer = self._transport.ask("POST", path, scopes=scopes, headers={"content-length": "0"})
        if source and answer.status in (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND):
            return self.begin()  # what may not be read there is uploaded
        if answer.status == _CREATED and source:
            return ""
        if answer.status != _ACCEPTED or "location" not in answer.headers:
            raise self._transport.failure(answer, f"push to {self.reference.name}")
        return self._place(answer, path)

    def upload(self, digest: str, size: int, content: Path | bytes, place: str, report: Report) -> None:
        """Upload a blob to a place that `begin` gave; start over where that is gone. Raises `NetworkError`."""
        whole = True
        for number in range(1, _TRIES + 1):
            place = place or self.begin()
            counter = _Counter(report)
            send = self._send_whole if whole else self._send_chunks
            fault: NetworkError
            try:
                answer = send(place, digest, size, content, counter)
            except NetworkError as error:
                fault = error
                whole = number < 2  # in pieces, less is lost when a connection breaks
            else:
                if answer.status in (_CREATED, _NO_CONTENT):
                    return
                fault = self._transport.failure(answer, f"push to {self.reference.name}")
                if answer.status == _TOO_LARGE:
                    whole = False
                elif answer.status not in (*BUSY, _NOT_FOUND, _NO_RANGE):
                    raise fault
            counter.take_back()
            if number == _TRIES:
                raise fault
            self._transport.pause(number)
            if self.has(digest):
                report(size)
                return
            place = ""

    def put_manifest(self, name: str, media_type: str, data: bytes) -> Answer:
        """Put a manifest or an index under a digest or a tag. Raises `NetworkError`.

        What it names was put before. A registry that does not see all of it yet, since several machines serve it or
        someone else pushes the same, is asked again.
        """
        for number in range(1, _TRIES + 1):
            answer = self._transport.ask(
                "PUT",
                self._manifest(name),
                scopes=self._scopes,
                headers={"content-type": media_type, "content-length": str(len(data))},
                body=lambda: data,
            )
            if answer.status in (_OK, _CREATED, _ACCEPTED):
                return answer
            if number == _TRIES or not _NOT_SEEN.search(answer.body):
                break
            self._transport.pause(number)
        raise self._transport.failure(answer, f"push {self._shown(name)}")

    def referrers(self, digest: str) -> list[dict[str, Any]] | None:
        """Return the descriptors of what refers to a manifest; None where the registry does not keep them."""
        answer = self._transport.ask(
            "GET", f"/v2/{self._path}/referrers/{digest}", scopes=self._scopes, most=MOST_MANIFEST
        )
        if answer.status != _OK or stated_type(answer.body) != INDEX_TYPE:
            return None
        return descriptors_in(answer.body)

    def _send_whole(self, place: str, digest: str, size: int, content: Path | bytes, counter: _Counter) -> Answer:
        headers = {"content-type": "application/octet-stream", "content-length": str(size)}
        return self._transport.ask(
            "PUT",
            _with_digest(place, digest),
            scopes=self._scopes,
            headers=headers,
            body=lambda: counter.opened(content, 0, size),
            attempts=1,
        )

    def _send_chunks(self, place: str, digest: str, size: int, content: Path | bytes, counter: _Counter) -> Answer:
        start = 0
        while start < size:
            end = min(size, start + _CHUNK)
            headers = {
                "content-type": "application/octet-stream",
                "content-length": str(end - start),
                "content-range": f"{start}-{end - 1}",
            }
            begin, length = start, end - start
            answer = self._transport.ask(
                "PATCH",
                place,
                scopes=self._scopes,
                headers=headers,
                body=lambda: counter.opened(content, begin, length),  # noqa: B023  called before they change
                attempts=1,
            )
            if answer.status != _ACCEPTED:
                return answer
            place, start = self._place(answer, place), end
        return self._transport.ask(
            "PUT", _with_digest(place, digest), scopes=self._scopes, headers={"content-length": "0"}, attempts=1
        )

    def _place(self, answer: Answer, path: str) -> str:
        origin = path if "://" in path else self._transport.url(path)
        return self._transport.absolute(answer.headers.get("location", origin), origin)

    def _manifest(self, name: str) -> str:
        return f"/v2/{self._path}/manifests/{name}"

    def _blob(self, digest: str) -> str:
        if not is_digest(digest):  # it becomes a path
            raise NetworkError.of(f"{digest!r} is not a digest", where=self.reference.name)
        return f"/v2/{self._path}/blobs/{digest}"

    def _shown(self, name: str) -> str:
        return f"{self.reference.name}{'@' if is_digest(name) else ':'}{name}"


class _Counter:
    """Reports what is read of a body, and takes it back where it was for nothing."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._sent = 0

    def opened(self, content: Path | bytes, start: int, length: int) -> IO[bytes]:
        """Return a file of a part of the content, which reports what is read."""
        return _Part(content, start, length, self.count)  # type: ignore[return-value]  # what http.client needs of one

    def count(self, number: int) -> None:
        """Count bytes that were sent."""
        self._sent += number
        self._report(number)

    def take_back(self) -> None:
        """Report that what was counted did not arrive."""
        self._report(-self._sent)
        self._sent = 0


class _Part:
    """A file that ends after a number of bytes."""

    def __init__(self, content: Path | bytes, start: int, length: int, count: Report) -> None:
        self._file = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb", buffering=0)
        self._file.seek(start)
        self._left = length
        self._count = count

    def read(self, most: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(self._left if most < 0 else min(most, self._left))
        self._left -= len(data)
        self._count(len(data))
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _with_digest(place: str, digest: str) -> str:
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


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
