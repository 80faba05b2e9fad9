"""Knows how bytes come over HTTP: in parallel, resumed, and verified before a file gets its name."""

from __future__ import annotations

import base64
import hashlib
import netrc
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import IO
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from onedigest.digest import hex_of
from onedigest.errors import NetworkError, Problem
from onedigest.inputs.pools import THREADS, Connection, Pools, is_loopback, shown, without_user
from onedigest.inputs.store import Store

CHUNK = 1 << 20
_ATTEMPTS = 4
_OK, _PARTIAL, _RANGE = 200, 206, 416
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wanted:
    """A file that must have this digest and size, and the addresses to try, best first."""

    name: str
    digest: str
    size: int
    urls: tuple[str, ...] = ()


Report = Callable[[int], None]
"""Takes the number of bytes that have come since the last call."""

Open = Callable[[int], urllib3.BaseHTTPResponse]
"""Requests the bytes of a file from an offset on."""


class Client:
    """HTTP with the user's settings, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pools = Pools(connection)
        self._retries = urllib3.Retry(
            total=4, backoff_factor=0.3, status_forcelist=_BUSY, raise_on_status=False, respect_retry_after_header=True
        )

    def get(self, url: str) -> bytes:
        """Return a whole document. Raises `NetworkError`."""
        response = self.open(url)
        try:
            if response.status != _OK:
                raise NetworkError.of(f"the server answered {response.status}", where=shown(url))
            return response.read()
        except HTTPError as error:
            raise _unreachable(url, error) from None
        finally:
            response.release_conn()

    def open(self, url: str, start: int = 0) -> urllib3.BaseHTTPResponse:
        """Send a request for the bytes from `start` on."""
        if self._connection.offline:
            raise NetworkError.of("not fetched: `--offline` is set", where=shown(url), hint="run `onedigest fetch`")
        headers = {"accept-encoding": "identity", **self._authorization(url)}
        if start:
            headers["range"] = f"bytes={start}-"
        try:
            return self._pools.of(url).request(
                "GET", without_user(url), headers=headers, preload_content=False, retries=self._retries
            )
        except HTTPError as error:
            raise _unreachable(url, error) from None

    def _authorization(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not is_loopback(host):
            return {}  # a secret does not travel in clear text
        if parts.username:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        else:
            secret = dict(self._connection.credentials).get(host, "") or self._netrc(host)
        return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}

    def _netrc(self, host: str) -> str:
        path = self._connection.netrc
        if path and path.is_file():
            with suppress(netrc.NetrcParseError):
                if found := netrc.netrc(str(path)).authenticators(host):
                    return f"{found[0]}:{found[2]}"
        return ""


def download(client: Client, store: Store, files: Iterable[Wanted], report: Report = lambda _: None) -> None:
    """Bring files into the store, those that are missing there. Raises `NetworkError` with all that failed."""
    missing = [file for file in sorted(set(files)) if not store.has(file.digest, file.size)]
    if not missing:
        return
    with ThreadPoolExecutor(THREADS) as pool:
        problems = [
            problem
            for found in pool.map(lambda file: _bring(client, store, file, report), missing)
            for problem in found
        ]
    if problems:
        raise NetworkError(problems)


def bring(store: Store, file: Wanted, open_at: Open, where: str, report: Report) -> None:
    """Bring one file into the store; `open_at` requests its bytes from an offset on. Raises `NetworkError`."""
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


def _bring(client: Client, store: Store, file: Wanted, report: Report) -> Sequence[Problem]:
    problems: list[Problem] = []
    if not file.urls:
        return [Problem(f"no address is known for `{file.name}`", hint="run `onedigest generate`")]
    for url in file.urls:
        try:
            bring(store, file, partial(client.open, url), shown(url), report)
        except NetworkError as error:
            problems.extend(error.problems)
        else:
            return []
    return problems


def _continue(part: IO[bytes], file: Wanted, open_at: Open, where: str, report: Report) -> str:
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


def _unreachable(url: str, error: HTTPError) -> NetworkError:
    reason = getattr(error, "reason", None) or error
    text = str(reason).rpartition(": ")[2] or type(reason).__name__
    return NetworkError.of(
        f"cannot be reached: {text}",
        where=shown(url),
        hint="check the network, or use `--offline` once inputs are fetched",
    )
