"""Knows what uv says where proxies or certificates are in the way, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from onedigest.errors import NetworkError
from onedigest.inputs.proxies import SCHEMES, Proxy, parse_proxy
from onedigest.inputs.reasons import AUTHORITY

_LOGIN = re.compile(
    r"407 Proxy Authentication|proxy authorization required|credentials not accepted|"
    r"does not support user/pass authentication|no acceptable auth"
)
_SYSTEM = re.compile(r"\s*hint: Consider enabling use of system TLS certificates with the `--system-certs`[^\n]*")
_ENCRYPTED = re.compile(r"https://|tunnel error")
_PEER = "invalid peer certificate: "


def with_hint(message: str, variables: Mapping[str, str], settings: str = "") -> tuple[str, str]:
    """Return what uv says of a network, without options that nobody can give it here, and a hint.

    `variables` are those that uv had, `settings` the text of its uv.toml.
    """
    message = _SYSTEM.sub("", message).rstrip()
    if _LOGIN.search(message) and (proxy := _before(message, variables, settings)):
        why = "refuses the user and the password" if proxy.has_login else "asks for a user and a password"
        return f"{message}\nthe proxy {proxy.address} {why}", proxy.login_hint
    if _PEER in message:
        system = "" if variables.get("UV_SYSTEM_CERTS") else ", or trust those of the system: UV_SYSTEM_CERTS=true"
        return message, AUTHORITY + system if "UnknownIssuer" in message else "check the certificate of the index"
    return message, "" if "hint: " in message else "check the network"


def _before(message: str, variables: Mapping[str, str], settings: str) -> Proxy | None:
    """Return the proxy that a message is about."""
    scheme = SCHEMES[bool(_ENCRYPTED.search(message))]
    text = variables.get(f"{scheme}_proxy", "")
    key = f"{scheme}-proxy"
    named = f"`{key}` of your uv.toml" if f"\n{key} = " in f"\n{settings}" else f"{scheme.upper()}_PROXY"
    try:
        return parse_proxy(text, named)
    except NetworkError:
        return None
