"""The hosts and certificates for a registry in containerd's `hosts.toml` and docker's folders of certificates.

Source: containerd, docs/hosts.md; docker, "Use client certificates".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onedigest import untrusted
from onedigest.errors import InputError
from onedigest.net.connection import shown
from onedigest.oci.reference import HUB, HUB_HOST, HUB_NAMES

FILE = "hosts.toml"
DEFAULT = "_default"
"""The folder of what counts for every registry without a folder of its own."""

PULL, RESOLVE, PUSH = "pull", "resolve", "push"
EVERYTHING = frozenset((PULL, RESOLVE, PUSH))
"""What a host may be asked for: bytes by digest, which digest a tag has, and to take an image."""
_REFERRERS = "referrers"
"""What containerd asks a host for from 2.2 on; here that is asked of the host alone that takes an image."""

_MOST_BYTES = 1 << 20
_MOST = 64
"""Hosts, certificates or headers of one file."""
_LONGEST_WAIT = 600.0
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"0|(?:(?:\d{1,9}\.?\d{0,9}|\.\d{1,9})(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}", re.ASCII)
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::\d{1,5})?", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~%+-]+)*", re.ASCII)
_PROXY = re.compile(r"(?:https?|socks5h?)://[^/?#\s]+/?", re.ASCII)
_OF_THE_MESSAGE = frozenset(("host", "content-length", "transfer-encoding", "trailer"))
"""Headers that Go has from the request itself (net/http, reqWriteExcludeHeader)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """A host that is asked for what a registry has. One without a name is the registry itself.

    `scheme` is empty where HTTPS is spoken, or what the user allows instead.
    """

    netloc: str = ""
    scheme: str = ""
    path: str = "/v2"
    capabilities: frozenset[str] = EVERYTHING
    verified: bool = True
    authorities: tuple[Path, ...] = ()
    own: tuple[Path, Path | None] | None = None
    """The certificate that this machine shows, and its key where that is another file."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    seconds: float | None = None
    """How long a connection may take to be there."""
    proxy: str = field(default="", repr=False)

    @property
    def is_special(self) -> bool:
        """Tell whether its connections differ from those to any other host."""
        return self.has_tls or bool(self.proxy or self.seconds)

    @property
    def has_tls(self) -> bool:
        """Tell whether TLS is configured: containerd tries it first then, also where the address has `http`."""
        return bool(self.authorities or self.own) or not self.verified


def hosts_in(folder: Path) -> tuple[Host, ...]:
    """Return the hosts that a folder states, in the order in which they are asked; that of a registry alone may be.

    Without a `hosts.toml` the certificates in it count, as docker has them. Raises `InputError`.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        data = b""
    except OSError as error:
        raise InputError.of(f"cannot be read: {error.strerror}", where=str(path)) from None
    if not data.strip():
        return (with_certificates(Host(), folder),)
    try:
        return tuple(_parse(untrusted.load_toml(data.decode(), _MOST_BYTES), folder))
    except ValueError as error:
        raise InputError.of(
            f"no hosts.toml of containerd: {error}", where=str(path), hint="correct it, or remove it"
        ) from None


def with_certificates(host: Host, folder: Path) -> Host:
    """Return a host with the certificates of a folder: authorities are `*.crt`, own ones `*.cert` beside `*.key`.

    What this user may not read is passed over: it is for a daemon.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())[:_MOST]
    except OSError:
        return host
    authorities = tuple(folder / name for name in names if name.endswith(".crt") and _is_readable(folder / name))
    own = None
    for name in names:
        key = folder / f"{name.removesuffix('.cert')}.key"
        if name.endswith(".cert") and _is_readable(folder / name) and (not key.exists() or _is_readable(key)):
            own = own or (folder / name, key if key.exists() else None)
    return replace(host, authorities=authorities, own=own)


def _is_readable(path: Path) -> bool:
    with suppress(OSError), path.open("rb"):
        return path.is_file()
    return False


def _parse(document: Mapping[str, Any], folder: Path) -> Iterator[Host]:
    hosts, server = document.get("host", {}), document.get("server", "")
    if not isinstance(hosts, dict) or len(hosts) > _MOST:
        raise ValueError(f"`host` is no table of {_MOST} hosts at most")
    if not isinstance(server, str):
        raise ValueError("`server` is not a string")
    for address, settings in hosts.items():
        name = f'`host."{shown(address)[:200]}"`'
        if not isinstance(settings, dict):
            raise ValueError(f"{name} is no table")
        yield _named(name, address, settings, folder)
    yield _named("`server`", server, document, folder)


def _named(name: str, address: str, settings: Mapping[str, Any], folder: Path) -> Host:
    try:
        return _host(address, settings, folder)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _host(address: str, settings: Mapping[str, Any], folder: Path) -> Host:
    overrides = _flag(settings, "override_path")
    return replace(
        _addressed(address, overrides=overrides) if address else Host(),
        capabilities=_capabilities(settings.get("capabilities")) if address else EVERYTHING,
        verified=not _flag(settings, "skip_verify"),
        authorities=tuple(folder / each for each in _texts("ca", settings.get("ca", []))),
        own=_own(settings.get("client", []), folder),
        headers=tuple(_headers(settings.get("header", {}))),
        seconds=_seconds(settings.get("dial_timeout", "")),
        proxy=_proxy(settings.get("proxy", "")),
    )


def _addressed(address: str, *, overrides: bool) -> Host:
    """Return a host by its address; the path of one ends with /v2, unless it overrides that."""
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        scheme, netloc, path = parts.scheme, parts.netloc, parts.path
        _ = parts.port
    except ValueError:
        scheme = netloc = path = ""
    if "@" in netloc:
        raise ValueError("has a user, who belongs into the file of `docker login`")
    path = f"/{posixpath.normpath(path).lstrip('/')}" if path.strip("/") else ""
    if scheme not in ("http", "https") or not _NETLOC.fullmatch(netloc) or not _PATH.fullmatch(path):
        raise ValueError("is no address such as https://mirror.example.com")
    if not overrides and not path.endswith("/v2"):
        path = f"{path}/v2"
    netloc = netloc.lower()
    if netloc in (HUB, *HUB_NAMES):
        netloc = HUB_HOST
    return Host(netloc=netloc, scheme=scheme, path=path)


def _capabilities(value: Any) -> frozenset[str]:
    """Return what a host may be asked for: all of it where nothing is stated."""
    found = frozenset(each.lower() for each in _texts("capabilities", value or []))
    if unknown := sorted(found - EVERYTHING - {_REFERRERS}):
        raise ValueError(f"`capabilities` has {unknown[0][:50]!r}; they are pull, resolve and push")
    return found & EVERYTHING if found else EVERYTHING


def _own(value: Any, folder: Path) -> tuple[Path, Path | None] | None:
    """Return the first certificate that a host is to be shown: Python's ssl chooses among none."""
    rows = [value] if isinstance(value, str) else value
    if not isinstance(rows, list):
        raise ValueError("`client` is no path, list of paths, or list of pairs of them")
    found: list[tuple[Path, Path | None]] = []
    for row in rows[:_MOST]:
        pair = [row, ""] if isinstance(row, str) else row
        if not (isinstance(pair, list) and len(pair) == len(("certificate", "key"))):
            raise ValueError("`client` has what is no pair of a certificate and its key")
        certificate, key = _texts("client", pair)
        found.append((folder / certificate, folder / key if key else None))
    return found[0] if found else None


def _headers(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise ValueError(f"`header` is no table of {_MOST} names at most")
    for name, stated in value.items():
        text = ", ".join(_texts(f"header.{name[:50]}", stated))
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(text):
            raise ValueError(f"`header` has {name[:50]!r}, which is no header of HTTP")
        if name.lower() not in _OF_THE_MESSAGE:
            yield name.lower(), text


def _seconds(value: Any) -> float | None:
    """Return the seconds of a duration as Go writes them (time.ParseDuration)."""
    text = untrusted.text(value)
    if not text:
        return None
    if not _DURATION.fullmatch(text):
        raise ValueError("`dial_timeout` is no duration such as 5s or 500ms")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return min(seconds, _LONGEST_WAIT) or None


def _proxy(value: Any) -> str:
    text = untrusted.line(value)
    if text and not _PROXY.fullmatch(text):
        raise ValueError("`proxy` is no address of a proxy such as http://proxy.example.com:8080")
    return text


def _flag(settings: Mapping[str, Any], key: str) -> bool:
    value = settings.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"`{key}` is not true or false")
    return value


def _texts(key: str, value: Any) -> list[str]:
    """Return a text, or a list of them."""
    rows = [value] if isinstance(value, str) else value
    if not isinstance(rows, list) or len(rows) > _MOST or not all(isinstance(each, str) for each in rows):
        raise ValueError(f"`{key}` is no text or list of texts")
    return rows
