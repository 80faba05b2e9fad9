"""The upload of a blob into a repository: mounted, whole or in pieces, and again where a connection breaks."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import IO

from onedigest.errors import NetworkError
from onedigest.net.retries import BUSY
from onedigest.net.transfers import Report
from onedigest.registry.authorization import Denied, RegistryAnswer
from onedigest.registry.endpoint import Endpoint

_CREATED, _ACCEPTED, _NO_CONTENT = 201, 202, 204
_NOT_FOUND, _TOO_LARGE, _NO_RANGE = 404, 413, 416
_NOT_MOUNTED = (400, 401, 403, 404, 405, 409, 422, 501)
"""Answers of registries to a blob that is not to be had from another repository."""

_TRIES = 6
_CHUNK = 16 << 20
"""Bytes of a chunk, where a registry, or what is before it, does not take a blob whole."""


def begin(endpoint: Endpoint, digest: str = "", source: str = "") -> str:
    """Begin an upload, or mount the blob from the repository `source` of this registry.

    Returns the address to upload to, or nothing where the blob was mounted. Raises `NetworkError`.
    """
    path, scopes = endpoint.uploads(), list(endpoint.scopes)
    if source:
        path = endpoint.uploads(mount=digest, **{"from": source})
        scopes.append(f"repository:{source}:pull")
    try:
        answer = endpoint.transport.ask("POST", path, scopes=scopes, headers={"content-length": "0"})
    except Denied:
        if not source:
            raise
        return begin(endpoint)  # what may not be read there is uploaded
    if source and answer.status in _NOT_MOUNTED:
        return begin(endpoint)
    if answer.status == _CREATED and source:
        return ""
    if answer.status != _ACCEPTED or "location" not in answer.headers:
        raise endpoint.transport.failure(answer, f"push to {endpoint.name}")
    return _place(endpoint, answer, path)


def upload(
    endpoint: Endpoint,
    digest: str,
    size: int,
    content: Path | bytes,
    place: str,
    report: Report,
    has: Callable[[str], bool],
) -> None:
    """Upload a blob to a place that `begin` gave; start over where that is gone. Raises `NetworkError`.

    `has` tells whether the repository has a blob.
    """
    whole = True
    for number in range(1, _TRIES + 1):
        place = place or begin(endpoint)
        counter = _CountingReader(report)
        send = _send_whole if whole else _send_chunks
        fault: NetworkError
        answer = None
        try:
            answer = send(endpoint, place, digest, size, content, counter)
        except NetworkError as error:
            fault = error
            whole = number < 2  # in pieces, less is lost when a connection breaks
        else:
            if answer.status in (_CREATED, _NO_CONTENT):
                return
            fault = endpoint.transport.failure(answer, f"push to {endpoint.name}")
            if answer.status == _TOO_LARGE:
                whole = False
            elif answer.status not in (*BUSY, _NOT_FOUND, _NO_RANGE):
                raise fault
        counter.take_back()
        if number == _TRIES or not endpoint.transport.waits(number, answer):
            raise fault
        if has(digest):
            report(size)
            return
        place = ""


def _send_whole(
    endpoint: Endpoint, place: str, digest: str, size: int, content: Path | bytes, counter: _CountingReader
) -> RegistryAnswer:
    headers = {"content-type": "application/octet-stream", "content-length": str(size)}
    return endpoint.ask(
        "PUT",
        _with_digest(place, digest),
        headers=headers,
        body=lambda: counter.opened(content, 0, size),
        attempts=1,
    )


def _send_chunks(
    endpoint: Endpoint, place: str, digest: str, size: int, content: Path | bytes, counter: _CountingReader
) -> RegistryAnswer:
    start = 0
    while start < size:
        end = min(size, start + _CHUNK)
        headers = {
            "content-type": "application/octet-stream",
            "content-length": str(end - start),
            "content-range": f"{start}-{end - 1}",
        }
        begun, length = start, end - start
        answer = endpoint.ask(
            "PATCH",
            place,
            headers=headers,
            body=lambda: counter.opened(content, begun, length),  # noqa: B023  called before they change
            attempts=1,
        )
        if answer.status != _ACCEPTED:
            return answer
        place, start = _place(endpoint, answer, place), end
    return endpoint.ask("PUT", _with_digest(place, digest), headers={"content-length": "0"}, attempts=1)


def _place(endpoint: Endpoint, answer: RegistryAnswer, path: str) -> str:
    origin = path if "://" in path else endpoint.transport.url(path)
    return endpoint.transport.absolute(answer.headers.get("location", origin), origin)


def _with_digest(place: str, digest: str) -> str:
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


class _CountingReader:
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
