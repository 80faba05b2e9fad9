"""Downloads over HTTP: in parallel, resumed, and verified before a file gets its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NameResolutionError,
    ReadTimeoutError,
    SSLError,
)

from onedigest.digest import Digest, hex_of
from onedigest.errors import NetworkError, Problem
from onedigest.net import redirects
from onedigest.net.answer_limits import SlowAnswer
from onedigest.net.connection import THREADS, Connection, Pools, shown
from onedigest.net.failure_reasons import unreachable
from onedigest.net.index_credentials import IndexCredential
from onedigest.net.proxy_faults import ProxyFault
from onedigest.net.request_credentials import REFUSED, RequestCredentials
from onedigest.net.retries import BUSY, seconds_of
from onedigest.store import Store
from onedigest.untrusted import MOST_TEXT

CHUNK = 1 << 20
_ATTEMPTS = 4
_TRIES = 5
"""How often a request is sent that no one answers, or a busy server does."""
_PROXY_TRIES = 2
"""How often one is sent again to a proxy that is not there, since all the others go there too."""
_LITTLE = 1 << 16
_LENGTH = re.compile("[0-9]{1,20}")
_SHORT = re.compile("[0-9]{1,4}")
"""Lengths of bodies that are read to keep a connection."""
_OK, _PARTIAL, _RANGE = 200, 206, 416


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Download:
    """A file that must have this digest and size, the addresses to try, best first, and the index that lists it."""

    name: str
    digest: str
    size: int
    urls: tuple[str, ...] = ()
    index: str = ""


T = TypeVar("T")

Report = Callable[[int], None]
"""Takes the number of bytes that have come since the last call."""

Open = Callable[[int], urllib3.BaseHTTPResponse]
"""Requests the bytes of a file from an offset on."""


class Client:
    """HTTP with the user's settings, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pools = Pools(connection)
        self._request_credentials = RequestCredentials(connection.credentials, connection.netrc)

    def get(self, url: str, *, most: int = MOST_TEXT, index: str = "") -> bytes:
        """Return a whole document of `most` bytes at most. Raises `NetworkError`."""
        return b"".join(self._tried(url, index, lambda response: list(_whole(response, url, most))))

    def fetch_unknown(self, url: str, store: Store, *, most: int, index: str = "") -> tuple[Digest, int]:
        """Fetch a file of which nothing is known into the store; return its digest and size. Raises `NetworkError`."""

        def write(response: urllib3.BaseHTTPResponse) -> tuple[Digest, int]:
            digest = hashlib.sha256()
            with store.scratch() as folder:
                with (folder / "file").open("wb") as file:
                    for chunk in _whole(response, url, most):
                        file.write(chunk)
                        digest.update(chunk)
                    size = file.tell()
                found = Digest(f"sha256:{digest.hexdigest()}")
                store.add_file(folder / "file", found)
            return found, size

        return self._tried(url, index, write)

    def _tried(self, url: str, index: str, read: Callable[[urllib3.BaseHTTPResponse], T]) -> T:
        """Read an answer, and ask for another one where it breaks off."""
        for attempt in range(1, _TRIES + 1):
            response = self.open(url, index=index)
            try:
                return read(response)
            except HTTPError as error:
                if attempt == _TRIES or not self._may_pass(error, url, attempt):
                    raise unreachable(error, shown(url)) from None
            finally:
                response.close()
        raise AssertionError("the last attempt returns or raises")

    def open(self, url: str, start: int = 0, index: str = "") -> urllib3.BaseHTTPResponse:
        """Send a request for the bytes from `start` on, until it is answered; follow where the server leads.

        `index` is the address of the index that lists the file, for what is shown there. Raises `NetworkError`.
        """
        if self._connection.offline:
            raise NetworkError.of("not fetched: `--offline` is set", where=shown(url), hint="run `onedigest fetch`")
        headers = {"accept-encoding": "identity"}
        if start:
            headers["range"] = f"bytes={start}-"
        credentials = self._request_credentials.credentials_for(url, index)
        shows = credentials.first
        response = self._led(url, headers, shows)
        if other := credentials.other(response.status):
            discard(response)
            shows = other
            response = self._led(url, headers, shows)
            if response.status not in REFUSED:
                self._request_credentials.learn(credentials, shows)
        if problem := credentials.refusal(response.status, shows):
            discard(response)
            raise NetworkError([replace(problem, where=shown(url))])
        return response

    def _led(self, url: str, headers: dict[str, str], shows: IndexCredential | None) -> urllib3.BaseHTTPResponse:
        """Send a request, and follow where the server leads."""
        target, outside = redirects.without_user(url).partition("#")[0], False
        for _ in range(redirects.MOST + 1):
            own = shows.header if shows else {}
            response = self._answered(target, {**headers, **own}, outside=outside)
            place = response.headers.get("location")
            if response.status not in redirects.STATUSES or not place:
                return response
            discard(response)
            origin = target
            target = _target(place, origin, url)
            outside = outside or redirects.is_outside(target, origin)
            shows = self._request_credentials.after(shows, origin, target)
        raise NetworkError.of("the server redirects in circles", where=shown(url))

    def _answered(self, url: str, headers: dict[str, str], *, outside: bool) -> urllib3.BaseHTTPResponse:
        """Send a request until what comes back is an answer."""
        for attempt in range(1, _TRIES + 1):
            try:
                response = self._pools.request("GET", url, headers=headers, outside=outside)
            except HTTPError as error:
                if attempt == _TRIES or not self._may_pass(error, url, attempt):
                    raise unreachable(error, shown(url)) from None
                continue
            seconds = seconds_of(attempt, response.headers.get("retry-after"))
            if response.status not in BUSY or attempt == _TRIES:
                return response
            if not self._wait(url, seconds, f"answered {response.status}"):
                return response
            discard(response)
        raise AssertionError("the last attempt returns or raises")

    def _may_pass(self, error: HTTPError, url: str, attempt: int) -> bool:
        """Wait where a fault may be gone the next time; tell whether it may."""
        if isinstance(error, SSLError | NameResolutionError | SlowAnswer | LocationValueError):
            return False
        if isinstance(error, ReadTimeoutError) and attempt > 1:
            return False
        if isinstance(error, ProxyFault) and attempt > _PROXY_TRIES:
            return False
        return self._wait(url, seconds_of(attempt), "broke off")

    def _wait(self, url: str, seconds: float, why: str) -> bool:
        return self._pools.patience.wait(urlsplit(url).netloc, seconds, why, self._connection.pause)


def discard(response: urllib3.BaseHTTPResponse) -> None:
    """Let go of a response whose body is of no interest; its connection is kept where little is left to come."""
    with suppress(HTTPError):
        if _SHORT.fullmatch(response.headers.get("content-length", "")):
            for _ in _body(response, _LITTLE):
                pass
            response.release_conn()
            return
    response.close()


def download(
    client: Client,
    store: Store,
    files: Iterable[Download],
    report: Report = lambda _: None,
    arrived: Callable[[Download], None] = lambda _: None,
) -> None:
    """Fetch files into the store, those that are missing there; `arrived` is told each that is there, by its thread.

    Raises `NetworkError` with all that failed.
    """

    def get(file: Download) -> Sequence[Problem]:
        problems = () if store.has(file.digest, file.size) else _download_one(client, store, file, report)
        if not problems:
            arrived(file)
        return problems

    with ThreadPoolExecutor(THREADS) as pool:
        problems = [problem for found in pool.map(get, sorted(set(files))) for problem in found]
    if problems:
        raise NetworkError(problems)


def download_file(store: Store, file: Download, open_at: Open, where: str, report: Report) -> None:
    """Fetch one file into the store; `open_at` requests its bytes from an offset on. Raises `NetworkError`."""
    with store.partial(file.digest) as part:
        if store.has(file.digest, file.size):
            return
        fault = ""
        for _ in range(_ATTEMPTS):
            fault = _continue(part, file, open_at, where, report)
            if not fault:
                part.flush()
                store.finish_partial(file.digest)
                return
        raise NetworkError.of(f"{file.name}: {fault}", where=where)


def _download_one(client: Client, store: Store, file: Download, report: Report) -> Sequence[Problem]:
    problems: list[Problem] = []
    if not file.urls:
        return [Problem(f"no address is known for `{file.name}`", hint="run `onedigest generate`")]
    for url in file.urls:
        try:
            download_file(store, file, partial(client.open, url, index=file.index), shown(url), report)
        except NetworkError as error:
            problems.extend(error.problems)
        else:
            return []
    return problems


def _continue(part: IO[bytes], file: Download, open_at: Open, where: str, report: Report) -> str:
    """Add what is missing to a part, and verify the whole; return what is wrong with it, or nothing."""
    digest = _digest_so_far(part)
    start = part.seek(0, 2)
    if start < file.size:
        response = open_at(start)
        try:
            if start and response.status != _PARTIAL:
                part.truncate(0)
                digest, start = hashlib.sha256(), 0
            if response.status not in (_OK, _PARTIAL):
                if response.status == _RANGE:
                    return "the server has no more bytes"
                raise NetworkError.of(f"{file.name}: the server answered {response.status}", where=where)
            for chunk in _body(response, file.size - start):
                part.write(chunk)
                digest.update(chunk)
                report(len(chunk))
        except SlowAnswer as error:
            raise NetworkError.of(f"{file.name}: {error}", where=where) from None
        except HTTPError as error:
            return f"the connection broke ({type(error).__name__})"
        finally:
            response.close()
    size = part.seek(0, 2)
    if size < file.size:
        return f"the server sent {size} of {file.size} bytes"
    if digest.hexdigest() != hex_of(file.digest) or size > file.size:
        part.truncate(0)
        return "the content does not have the expected size and sha256"
    return ""


def _body(response: urllib3.BaseHTTPResponse, most: int) -> Iterator[bytes]:
    """Yield a body up to one byte more than there may be."""
    left = most + 1
    for chunk in response.stream(CHUNK, decode_content=False):
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def _digest_so_far(part: IO[bytes]) -> hashlib._Hash:
    part.seek(0)
    digest = hashlib.sha256()
    while chunk := part.read(CHUNK):
        digest.update(chunk)
    return digest


def _whole(response: urllib3.BaseHTTPResponse, url: str, most: int) -> Iterator[bytes]:
    if response.status != _OK:
        raise NetworkError.of(f"the server answered {response.status}", where=shown(url))
    if encoding := encoding_of(response.headers):
        raise NetworkError.of(f"the server encoded what was asked for as it is ({encoding})", where=shown(url))
    stated = response.headers.get("content-length", "")
    left = -1 if _LENGTH.fullmatch(stated) and int(stated) > most else most
    for chunk in _body(response, most):
        left -= len(chunk)
        if left < 0:
            raise NetworkError.of(f"the server sends more than {most} bytes", where=shown(url))
        yield chunk


def encoding_of(headers: Mapping[str, str]) -> str:
    """Return the content encoding of an answer that was to have none, or nothing."""
    stated = headers.get("content-encoding", "").strip().lower()
    return "" if stated in ("", "identity") else re.sub(r"[^a-z0-9,-]+", " ", stated)[:40]


def _target(place: str, origin: str, url: str) -> str:
    try:
        return redirects.target_of(place, origin)
    except ValueError as error:
        at = f" ({shown(place)[:200]!r})"
        raise NetworkError.of(f"the server {error}{at}", where=shown(url)) from None
