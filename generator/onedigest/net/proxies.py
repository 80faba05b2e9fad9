"""The proxy before an address, by settings as a user writes them, and the way to speak to it.

Settings are pairs: `http`, `https`, `all` and `no` are variables such as HTTPS_PROXY; `http-proxy`, `https-proxy` and
`no-proxy` are keys of a uv.toml, and where one of the first two is there, no variable counts, as uv has it.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from onedigest.errors import NetworkError
from onedigest.net.redirects import is_loopback

SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_SOCKS = ("socks5h", "socks5", "socks4a", "socks4")
_NAMES = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "all": "ALL_PROXY", "no": "NO_PROXY"}
_KINDS = "write it as http://HOST:PORT, or with https, socks5h, socks5, socks4a or socks4"
_LONGEST = 255
"""Bytes that a user, a password and a host may have for SOCKS (RFC 1929)."""
_NEAR = ("localhost", "127.0.0.0/8", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """Where a proxy is, what it is shown, and the setting that names it."""

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    named: str = ""

    @property
    def address(self) -> str:
        """How it is named in messages, without what it is shown."""
        return f"{self.scheme}://{self._place}"

    @property
    def url(self) -> str:
        """Its address with all of it, as every program reads it."""
        held = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.has_login else ""
        return f"{self.scheme}://{held}{self._place}"

    @property
    def has_login(self) -> bool:
        """Tell whether it is shown a user or a password."""
        return bool(self.user or self.password)

    @property
    def is_socks(self) -> bool:
        """Tell whether it passes bytes on, and knows no HTTP."""
        return self.scheme in _SOCKS

    @property
    def headers(self) -> dict[str, str]:
        """What it is shown, as HTTP has it (RFC 7617)."""
        held = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"proxy-authorization": f"Basic {held}"} if self.has_login else {}

    @property
    def login_hint(self) -> str:
        """What mends that it refuses whoever asks."""
        if self.has_login:
            return f"correct user and password in {self.named}; what is special in them is percent-encoded"
        return f"write them into {self.named}: {self.scheme}://USER:PASSWORD@{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_proxies(environment: Mapping[str, str], settings: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the settings of proxies among variables, and keys of a uv.toml.

    The small form of a name counts before the capital one, also where it is empty: so it takes the other one away.
    A web server hands the header `Proxy` of a request on as HTTP_PROXY, so that one does not count in a CGI program.
    """
    found = {}
    for name, capitals in _NAMES.items():
        value = environment.get(capitals.lower())
        if value is None and not (name == "http" and "REQUEST_METHOD" in environment):
            value = environment.get(capitals)
        if value and value.strip():
            found[name] = value.strip()
    for name in ("http-proxy", "https-proxy"):
        stated = settings.get(name)
        if isinstance(stated, str) and stated.strip():
            found[name] = stated.strip()
    passed_by = settings.get("no-proxy")
    if isinstance(passed_by, list):
        found["no-proxy"] = ",".join(each for each in passed_by if isinstance(each, str))
    return tuple(sorted(found.items()))


def proxy_of(url: str, settings: Mapping[str, str]) -> Proxy | None:
    """Return the proxy before an address; this machine has none. Raises `NetworkError` for one that is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    found = chosen(parts.scheme, settings)
    if found is None or passes_by(host, parts.port or _PORTS.get(parts.scheme, 0), _passed_by(settings)):
        return None
    return found


def chosen(scheme: str, settings: Mapping[str, str]) -> Proxy | None:
    """Return the proxy of a scheme. Raises `NetworkError` for one that is none."""
    if _is_uvs(settings):
        name = f"{scheme}-proxy"
        return parse_proxy(settings[name], f"`{name}` of your uv.toml") if name in settings else None
    for name in (scheme, "all"):
        if settings.get(name):
            return parse_proxy(settings[name], _NAMES[name])
    return None


def for_programs(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that lead uv and git the same way. Raises `NetworkError` for a proxy that is none.

    uv takes no proxy for a value with blanks around it, knows commas alone between hosts, and `*` for names alone;
    it and git have a proxy before this machine too, unless they are told. What uv reads in a uv.toml is for git,
    and hosts without a proxy are for one of git's own settings too.
    """
    names = _hosts(_passed_by(settings))
    found = {} if "*" in names else {f"{each}_proxy": chosen(each, settings) for each in SCHEMES}
    lent = {name: proxy.url for name, proxy in found.items() if proxy}
    return {**lent, "no_proxy": ",".join(dict.fromkeys((*names, *_NEAR)))} if lent or names else {}


def parse_proxy(text: str, named: str) -> Proxy:
    """Return a proxy out of its address, which is one of HTTP where it says nothing else.

    A password may have any character: the last `@` ends it. Raises `NetworkError`, without what may be a password.
    """
    scheme, mark, rest = text.strip().partition("://")
    scheme, rest = (scheme.lower(), rest) if mark else ("http", scheme)
    held, _, place = rest.rpartition("@")
    user, _, password = map(unquote, held.partition(":"))
    place = re.split("[/?#]", place)[0]
    try:
        parts = urlsplit(f"//{place}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        port, host = None, ""
    if not re.fullmatch(r"[a-z0-9_.:-]+(?:%\w+)?", host) or port == 0:
        raise NetworkError.of(f"{named} has no address of a proxy", hint=_KINDS)
    if scheme not in (*SCHEMES, *_SOCKS):
        kind = re.sub(r"[^a-z0-9+.-]", "?", scheme)[:20]
        raise NetworkError.of(f"{named} names a proxy of an unknown kind, `{kind}`", hint=_KINDS)
    if scheme in _SOCKS and max(len(each.encode()) for each in (user, password, host)) > _LONGEST:
        raise NetworkError.of(f"{named} has a user or a password that is too long for SOCKS", hint="255 bytes are most")
    port = port or _PORTS.get(scheme, 1080)
    return Proxy(scheme=scheme, host=host, port=port, user=user, password=password, named=named)


def passes_by(host: str, port: int, patterns: str) -> bool:
    """Tell whether a host is reached without a proxy: by its name, that of a domain, its address, or its network."""
    host = host.lower().rstrip(".")
    return any(_matches(name, host, port) for name in _hosts(patterns))


def _hosts(patterns: str) -> list[str]:
    """Return the hosts of a list as uv writes them: without brackets, and without what stands for names below."""
    found = []
    for word in patterns.lower().replace(",", " ").split():
        name = word.removeprefix("*.").lstrip(".").rstrip(".")
        found.append(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    return [name for name in found if name]


def _matches(name: str, host: str, port: int) -> bool:
    if name == "*":
        return True
    network = _network(name)
    if network is None:
        bare, _, stated = name.rpartition(":")
        if bare and stated.isdecimal() and int(stated) == port:
            name = bare.strip("[]").rstrip(".")
            network = _network(name)
    address = _network(host)
    if address is None or network is None:
        return address is None and (host == name or host.endswith(f".{name}"))
    return address.network_address in network


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_uvs(settings: Mapping[str, str]) -> bool:
    return "http-proxy" in settings or "https-proxy" in settings


def _passed_by(settings: Mapping[str, str]) -> str:
    return settings.get("no-proxy" if _is_uvs(settings) else "no", "")
