"""The connections of this machine to other hosts: proxies, certificates, and what may go without either."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ProxyError

from onedigest.errors import NetworkError
from onedigest.net.answer_limits import USUAL, AnswerLimits, pools_by_scheme
from onedigest.net.encryption import OF_REGISTRY, Trust, encrypting, is_judged_by_system
from onedigest.net.failure_reasons import fault_of
from onedigest.net.index_credentials import IndexCredentials
from onedigest.net.proxies import Proxy, proxy_of
from onedigest.net.proxy_faults import LOGIN, ProxyFault, login_fault
from onedigest.net.retries import Retries

THREADS = 8
_BLOCK = 1 << 18
"""How much of a request's body is read at once, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """How this machine reaches the network: the user's own settings, read in `cli`."""

    offline: bool = False
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Settings of proxies, as `net/proxies.py` knows them."""
    trust: Trust = field(default_factory=Trust)
    unverified: tuple[str, ...] = ()
    """Hosts whose certificates are not looked at: HOST, HOST:PORT, either with a scheme before it, or `*`."""
    netrc: Path | None = None
    credentials: IndexCredentials = field(default_factory=IndexCredentials, repr=False, compare=False)
    pace: AnswerLimits = USUAL
    connecting: float = 20
    """How many seconds a connection may take to be there."""
    pause: Callable[[float], object] = field(default=time.sleep, repr=False, compare=False)
    said: Callable[[str], object] = field(default=lambda _: None, repr=False, compare=False)
    """Takes words about a wait."""


class Pools:
    """Pools of connections, one for each proxy and trust, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._proxies = dict(connection.proxies)
        self._pools: dict[tuple[Proxy | None, bool, bool | None], urllib3.PoolManager] = {}
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._others: dict[Connection, Pools] = {}
        self._lock = threading.Lock()
        self.patience = Retries(connection.said)

    @property
    def offline(self) -> bool:
        """Tell whether the network may not be used."""
        return self._connection.offline

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | IO[bytes] | None = None,
        outside: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request once; return the response, whose body is not read yet, wherever it may lead.

        `outside` is for an address that a server chose, which may not be on this machine. Raises `NetworkError` for
        settings of proxies and certificates that are none, and for a proxy that will not do it, and `HTTPError`.
        """
        _refuse_none(url)
        proxy = proxy_of(url, self._proxies)
        try:
            response = self.of(url, outside=outside).request(
                method, url, headers=dict(headers), body=body, preload_content=False, redirect=False, retries=False
            )
        except ProxyFault as error:
            raise _lasting(error, url) from None
        except ProxyError as error:
            if proxy is None:
                raise
            raise _lasting(fault_of(error, proxy, url), url) from None
        if proxy and response.status == LOGIN:
            response.close()
            raise _lasting(login_fault(proxy), url)
        return response

    def varied(
        self,
        *,
        authorities: tuple[Path, ...] = (),
        own: tuple[Path, Path | None] | None = None,
        unverified: tuple[str, ...] = (),
        proxy: str = "",
        seconds: float | None = None,
    ) -> Pools:
        """Return pools for one host that differs, with further authorities, and its own certificate and proxy."""
        trust = replace(self._connection.trust, further=authorities)
        connection = replace(
            self._connection,
            trust=replace(trust, own=own[0], key=own[1], own_named=OF_REGISTRY) if own else trust,
            unverified=(*self._connection.unverified, *unverified),
            proxies=(("http", proxy), ("https", proxy)) if proxy else self._connection.proxies,
            connecting=seconds or self._connection.connecting,
        )
        with self._lock:
            if connection not in self._others:
                self._others[connection] = Pools(connection)
                self._others[connection].patience = self.patience
            return self._others[connection]

    def of(self, url: str, *, outside: bool = False) -> urllib3.PoolManager:
        """Return the pool for an address; `outside` for one that a server chose.

        Raises `NetworkError` for what is no address, for a proxy that is none, and for certificates that are none.
        """
        _refuse_none(url)
        proxy = proxy_of(url, self._proxies)
        encrypted = urlsplit(url).scheme == "https"
        verified = self._verifies(url) if encrypted else None
        with self._lock:
            key = proxy, outside, verified
            if key not in self._pools:
                self._pools[key] = self._make(proxy, outside=outside, verified=verified)
            return self._pools[key]

    def _make(self, proxy: Proxy | None, *, outside: bool, verified: bool | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "maxsize": THREADS,
            "blocksize": _BLOCK,
            "timeout": urllib3.Timeout(connect=self._connection.connecting, read=self._connection.pace.seconds),
        }
        fresh = None
        if verified and is_judged_by_system(self._connection.trust):
            fresh = partial(encrypting, self._connection.trust)
        elif verified is not None:
            options["ssl_context"] = self._context(verified=verified)
        if proxy and not proxy.is_socks:
            if proxy.scheme == "https":
                own = self._context(verified=self._verifies(proxy.address))
                options = {**({"ssl_context": own} if verified is None else {}), **options, "proxy_ssl_context": own}
            pool: urllib3.PoolManager = urllib3.ProxyManager(proxy.address, proxy_headers=proxy.headers, **options)
        else:
            pool = urllib3.PoolManager(**options)
        before = proxy if proxy and proxy.is_socks else None
        pool.pool_classes_by_scheme = pools_by_scheme(
            self._connection.pace, outside=outside, proxy=before, context=fresh
        )
        return pool

    def _verifies(self, url: str) -> bool:
        return not _is_among(self._connection.unverified, url)

    def _context(self, *, verified: bool) -> ssl.SSLContext:
        if verified not in self._contexts:
            self._contexts[verified] = encrypting(self._connection.trust, verified=verified)
        return self._contexts[verified]


def shown(url: str) -> str:
    """Return an address without what may be a secret, also where a password has what ends a host."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    plain = f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}" if mark else url
    return plain.partition("?")[0].partition("#")[0]


def _refuse_none(url: str) -> None:
    """Raise `NetworkError` for what is no address."""
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        raise NetworkError.of("this is no address", where=shown(url)) from None


def _is_among(hosts: tuple[str, ...], url: str) -> bool:
    """Tell whether an address is of a host that a user lists, as uv reads `allow-insecure-host`."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    for each in hosts:
        scheme, mark, place = each.rpartition("://")
        try:
            stated = urlsplit(f"//{place}")
            same = stated.hostname == parts.hostname and stated.port in (None, port)
        except ValueError:
            continue
        if each == "*" or (same and (not mark or scheme.lower() == parts.scheme)):
            return True
    return False


def _lasting(fault: ProxyFault, url: str) -> NetworkError | ProxyFault:
    """Return a fault as an error where no further try mends it."""
    return fault if fault.passes else NetworkError.of(str(fault), where=shown(url), hint=fault.hint)
