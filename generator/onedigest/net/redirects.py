"""The addresses that a server may redirect to: only with TLS, and never from outside to this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from urllib.parse import SplitResult, urljoin, urlsplit

MOST = 5
"""How many redirects are followed."""

STATUSES = (301, 302, 303, 307, 308)

_PORTS = {"http": 80, "https": 443}
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits

_USER = re.compile(r"(?<=://)[^/?#]*@")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, `https://host:443`; nothing for what is no address of HTTP."""
    parts = split(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname.rstrip('.')}:{parts.port or _PORTS[parts.scheme]}"


def are_same_host(target: str, own: str) -> bool:
    """Tell whether two addresses of HTTP have one host and port, whatever their schemes; default ports are one."""
    parts = [split(each) for each in (target, own)]
    there, here = parts
    if there is None or here is None or there.scheme not in ("http", "https"):
        return False
    names = {(each.hostname or "").rstrip(".") for each in (there, here)}
    ports = {each.port if each.port not in (80, 443) else None for each in (there, here)}
    return len(names) == len(ports) == 1


def without_user(url: str) -> str:
    """Return an address without the user and password that it may hold; its host ends where all readers end it."""
    return _USER.sub("", url, count=1)


def is_near(host: str) -> bool:
    """Tell whether a host is this machine or on its link, however it is written, by what it is called alone."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    found = _address(name)
    if found is None:
        return False
    return (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or (found.version == 4 and found in _THIS_NETWORK)
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine, where no one can listen on the way."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def target_of(place: str, origin: str, insecure: Collection[str] = ()) -> str:
    """Return the address that a server at `origin` leads to. Raises ValueError with what is wrong about it.

    `insecure` are hosts, with their ports, that a user allowed to be spoken to without TLS.
    """
    try:
        target = urljoin(origin, place)
    except ValueError:
        raise ValueError("leads to what is no address") from None
    here, there = split(origin), split(target)
    if here is None or there is None or not there.hostname or not here.hostname:
        raise ValueError("leads to what is no address")
    netloc = there.netloc.rpartition("@")[2]
    plain = there._replace(netloc=netloc, fragment="").geturl()
    if origin_of(plain) == origin_of(origin) != "":
        return plain
    if there.scheme == "http" and not (netloc in insecure or _are_inside(here, there)):
        raise ValueError("leads to an address without TLS")
    if there.scheme not in _PORTS:
        raise ValueError(f"leads to another scheme, {there.scheme[:20]!r}")
    if is_near(there.hostname) and not is_near(here.hostname):
        raise ValueError("leads to an address of this machine or its link")
    return plain


def is_outside(target: str, origin: str) -> bool:
    """Tell whether a target was chosen by a server that is not on this machine, for another host than itself."""
    return origin_of(target) != origin_of(origin) and not is_near(urlsplit(origin).hostname or "")


def _are_inside(here: SplitResult, there: SplitResult) -> bool:
    """Tell whether two hosts are in a private network, where one mirror may lead to another as it is asked."""
    return here.scheme == "http" and all(_is_private(each.hostname or "") for each in (here, there))


def _is_private(host: str) -> bool:
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    found = [_address(str(row[4][0])) for row in rows]
    return bool(found) and all(
        each is not None and any(each.version == network.version and each in network for network in _PRIVATE)
        for each in found
    )


def _address(host: str) -> _Address | None:
    text = host.partition("%")[0]
    found: _Address
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        try:
            found = ipaddress.ip_address(socket.inet_aton(text))  # 127.1 and 0x7f000001, as the C library reads them
        except (OSError, ValueError):
            return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped or found.sixtofour:
            return found.ipv4_mapped or found.sixtofour
        if found in _TRANSLATED:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def split(url: str) -> SplitResult | None:
    """Return the parts of an address, None where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts
