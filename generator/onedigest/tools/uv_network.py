"""The messages of uv where proxies or certificates are in the way, and what helps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from onedigest.errors import NetworkError
from onedigest.net.failure_reasons import AUTHORITY
from onedigest.net.proxies import SCHEMES, Proxy, proxy_of
from onedigest.net.proxy_faults import ProxyFault, login_fault, no_name_fault, no_tunnel_fault, plain, unreachable_fault

_LOGIN = re.compile(
    r"407 Proxy Authentication|proxy authorization required|credentials not accepted|"
    r"does not support user/pass authentication|no acceptable auth"
)
_UNREACHED = re.compile(r"cause: (?:tcp connect error|dns error|\w+ error: failed to create underlying connection)")
_UNTUNNELLED = re.compile(r"tunnel error: unsuccessful|SOCKS error: ")
_NO_NAME = "error resolving for socks proxy"
_NO_TLS = "InvalidContentType"
_CAUSE = re.compile(r"cause: ([^\n]+?)(?: \(os error \d+\))?$")
_SYSTEM = re.compile(r"\s*hint: Consider enabling use of system TLS certificates with the `--system-certs`[^\n]*")
_ADDRESS = re.compile(r"https?://[^\s()`]+")
_PEER = "invalid peer certificate: "


def with_hint(message: str, variables: Mapping[str, str], settings: str = "") -> tuple[str, str]:
    """Return what uv says of a network, without options that nobody can give it here, and a hint.

    `variables` are those that uv had, `settings` the text of its uv.toml.
    """
    message = _SYSTEM.sub("", message).rstrip()
    if fault := _fault(message, variables, settings):
        return f"{message}\n{fault}", fault.hint
    if _PEER in message:
        system = "" if variables.get("UV_SYSTEM_CERTS") else ", or trust those of the system: UV_SYSTEM_CERTS=true"
        return message, AUTHORITY + system if "UnknownIssuer" in message else "check the certificate of the index"
    return message, "" if "hint: " in message else "check the network"


def _fault(message: str, variables: Mapping[str, str], settings: str) -> ProxyFault | None:
    """Return what the proxy did wrong that a message is about, None where it is about none."""
    proxy, host = _before(message, variables, settings)
    if proxy is None:
        return None
    if _LOGIN.search(message):
        return login_fault(proxy)
    if _NO_NAME in message:
        return no_name_fault(proxy, host)
    if _NO_TLS in message and proxy.scheme == "https":
        return plain(proxy)
    if _UNREACHED.search(message):
        why = _CAUSE.search(message)
        return unreachable_fault(proxy, why[1].rpartition(": ")[2] if why else "")
    return no_tunnel_fault(proxy, host) if _UNTUNNELLED.search(message) else None


def _before(message: str, variables: Mapping[str, str], settings: str) -> tuple[Proxy | None, str]:
    """Return the proxy before the first address of a message, and the host of that."""
    url = _ADDRESS.search(message)
    keys = [f"{scheme}-proxy" for scheme in SCHEMES if f"\n{scheme}-proxy = " in f"\n{settings}"]
    stated = {f"{scheme}-proxy" if keys else scheme: variables.get(f"{scheme}_proxy", "") for scheme in SCHEMES}
    stated["no-proxy" if keys else "no"] = variables.get("no_proxy", "")
    try:
        found = proxy_of(url[0], {name: text for name, text in stated.items() if text}) if url else None
        return found, (urlsplit(url[0]).hostname or "") if url else ""
    except (NetworkError, ValueError):
        return None, ""
