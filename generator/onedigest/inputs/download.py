"""Knows how bytes come over HTTP: in parallel, resumed, and verified before a file gets its name."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import netrc
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from onedigest.digest import hex_of
from onedigest.errors import NetworkError, Problem
from onedigest.inputs.store import Store

CHUNK = 1 << 20
THREADS = 8
_ATTEMPTS = 4
_OK, _PARTIAL, _RANGE = 200, 206, 416
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """How this machine reaches the network: the user's own settings, read in `cli`."""

    offline: bool = False
    proxies: tuple[tuple[str, str], ...] = ()
    certificates: Path | None = None
    netrc: Path | None = None
    credentials: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Pairs of a host and `user:password` that count for it."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wanted:
    """A file that must have this digest and size, and the addresses to try, best first."""

    name: str
    digest: str
    size: int
    urls: tuple[str, ...] = ()


Report = Callable[[int], None]
"""Takes the number of bytes that have come since the last call."""


class Client:
    """HTTP with the user's settings, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pools: dict[str, urllib3.PoolManager] = {}
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
            return self._pool(url).request(
                "GET", _without_user(url), headers=headers, preload_content=False, retries=self._retries
            )
        except HTTPError as error:
            raise _unreachable(url, error) from None

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxies = dict(self._connection.proxies)
        proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
        if _is_loopback(parts.hostname or "") or _bypasses(parts.hostname or "", proxies.get("no", "")):
            proxy = ""
        if proxy not in self._pools:
            certificates = self._connection.certificates
            options = {"maxsize": THREADS, "timeout": urllib3.Timeout(connect=20, read=60)}
            authorities = {"ca_certs": str(certificates)} if certificates else {}
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, **options, **authorities)  # type: ignore[arg-type]  # keywords of a pool
                if proxy
                else urllib3.PoolManager(**options, **authorities)  # type: ignore[arg-type]  # keywords of a pool
            )
        return self._pools[proxy]

    def _authorization(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not _is_loopback(host):
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


def shown(url: str) -> str:
    """Return an address without what may be a secret."""
    return _without_user(url).partition("?")[0]


def _bring(client: Client, store: Store, file: Wanted, report: Report) -> Sequence[Problem]:
    problems: list[Problem] = []
    if not file.urls:
        return [Problem(f"no address is known for `{file.name}`", hint="run `onedigest generate`")]
    for url in file.urls:
        try:
            _fetch(client, store, file, url, report)
        except NetworkError as error:
            problems.extend(error.problems)
        else:
            return []
    return problems


def _fetch(client: Client, store: Store, file: Wanted, url: str, report: Report) -> None:
    with store.partial(file.digest) as part:
        if store.has(file.digest, file.size):
            return
        fault = ""
        for _ in range(_ATTEMPTS):
            fault = _continue(client, part, file, url, report)
            if not fault:
                part.flush()
                store.finish_partial(file.digest)
                return
        raise NetworkError.of(f"{file.name}: {fault}", where=shown(url))


def _continue(client: Client, part: IO[bytes], file: Wanted, url: str, report: Report) -> str:
    """Add what is missing to a part, and verify the whole; return what is wrong with it, or nothing."""
    digest = _digest_so_far(part)
    start = part.seek(0, 2)
    if start < file.size:
        response = client.open(url, start)
        try:
            if start and response.status != _PARTIAL:
                part.truncate(0)
                digest, start = hashlib.sha256(), 0
            if response.status not in (_OK, _PARTIAL):
                if response.status == _RANGE:
                    return "the server has no more bytes"
                raise NetworkError.of(f"{file.name}: the server answered {response.status}", where=shown(url))
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
        return "the content does not have the size and sha256 of the lock"
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


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bypasses(host: str, patterns: str) -> bool:
    names = [name.strip().lstrip(".") for name in patterns.split(",") if name.strip()]
    return any(name in ("*", host) or host.endswith(f".{name}") for name in names)
