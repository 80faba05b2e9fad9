"""Knows how this machine reaches other hosts: proxies, certificates, and what may go without TLS."""

from __future__ import annotations

import base64
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3

from onedigest.errors import NetworkError
from onedigest.inputs.credentials import Credentials
from onedigest.inputs.leading import is_loopback, without_user
from onedigest.inputs.pace import USUAL, Pace, pools_by_scheme
from onedigest.inputs.patience import Patience

THREADS = 8
_BLOCK = 1 << 18
"""How much of a request's body is read at once, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """How this machine reaches the network: the user's own settings, read in `cli`."""

    offline: bool = False
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    certificates: Path | None = None
    certificate_folder: Path | None = None
    netrc: Path | None = None
    credentials: Credentials = field(default_factory=Credentials, repr=False, compare=False)
    pace: Pace = USUAL
    pause: Callable[[float], object] = field(default=time.sleep, repr=False, compare=False)
    said: Callable[[str], object] = field(default=lambda _: None, repr=False, compare=False)
    """Takes words about a wait."""


class Pools:
    """Pools of connections, one for each proxy, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pools: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self.patience = Patience(connection.said)

    @property
    def offline(self) -> bool:
        """Tell whether the network may not be used."""
        return self._connection.offline

    def of(self, url: str, *, outside: bool = False) -> urllib3.PoolManager:
        """Return the pool for an address; `outside` for one that a server chose, which may not be on this machine.

        Raises `NetworkError` for a proxy that is none, and for certificates that are not there.
        """
        parts = urlsplit(url)
        own = self._connection.certificates
        if parts.scheme == "https" and own and not own.is_file():
            raise NetworkError.of("there is no such file of certificates", where=str(own), hint="correct SSL_CERT_FILE")
        proxies = dict(self._connection.proxies)
        proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
        if is_loopback(parts.hostname or "") or _bypasses(parts.netloc, proxies.get("no", "")):
            proxy = ""
        key = proxy, outside
        if key not in self._pools:
            pool = (
                urllib3.ProxyManager(**_proxied(proxy), **self._options())  # type: ignore[arg-type]  # keywords of it
                if proxy
                else urllib3.PoolManager(**self._options())  # type: ignore[arg-type]  # keywords of a pool
            )
            pool.pool_classes_by_scheme = pools_by_scheme(self._connection.pace, outside=outside)
            self._pools[key] = pool
        return self._pools[key]

    def _options(self) -> dict[str, object]:
        paths = {
            "ca_certs": self._connection.certificates,
            "ca_cert_dir": self._connection.certificate_folder,
        }
        return {
            "maxsize": THREADS,
            "blocksize": _BLOCK,
            "timeout": urllib3.Timeout(connect=20, read=self._connection.pace.seconds),
            **{name: str(path) for name, path in paths.items() if path},
        }


def shown(url: str) -> str:
    """Return an address without what may be a secret, also where a password has what ends a host."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    plain = f"{scheme}{mark}{place.rpartition('@')[2]}{slash}{path}" if mark else url
    return plain.partition("?")[0].partition("#")[0]


def _proxied(proxy: str) -> dict[str, object]:
    """Return how a proxy is spoken to: where it is, and what it is shown."""
    text = proxy.strip() if "://" in proxy else f"http://{proxy.strip()}"
    try:
        parts = urlsplit(text)
        _, host = parts.port, parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise NetworkError.of(f"the proxy {shown(text)!r} has no address of HTTP", hint="name it as http://HOST:PORT")
    held = ":".join(map(unquote, (parts.username or "", parts.password or "")))
    own = {"proxy-authorization": "Basic " + base64.b64encode(held.encode()).decode()} if held.strip(":") else {}
    return {"proxy_url": without_user(text), "proxy_headers": own}


def _bypasses(netloc: str, patterns: str) -> bool:
    """Tell whether a host is one of those that no proxy is before: names, with all below them, addresses, networks."""
    place = netloc.rpartition("@")[2].lower()
    host = urlsplit(f"//{place}").hostname or ""
    places = (host, f"[{host}]", place)
    names = [name.strip().lower().removeprefix("*.").lstrip(".") for name in patterns.replace(",", " ").split()]
    return any(name in ("*", *places) or host.endswith(f".{name}") or _holds(name, host) for name in names if name)


def _holds(network: str, host: str) -> bool:
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
