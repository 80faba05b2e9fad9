"""The reasons why a request failed, in words without the names that libraries have for it, and what may help."""

from __future__ import annotations

import re
import ssl
from http.client import BadStatusLine, IncompleteRead, UnknownProtocol
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, NameResolutionError, ProtocolError, ProxyError, SSLError

from onedigest.errors import NetworkError
from onedigest.net.answer_limits import SlowAnswer
from onedigest.net.proxies import Proxy
from onedigest.net.proxy_faults import LOGIN, ProxyFault, login_fault, no_tunnel_fault, plain, unreachable_fault

AUTHORITY = "name your authority's certificates with SSL_CERT_FILE"
_HINTS = (
    ("expired", "check the clock of this machine; else the certificate, or that of its authority, is to be renewed"),
    ("not yet valid", "check the clock of this machine"),
    ("mismatch", "the certificate is another host's: correct the host, or have its certificate name it"),
    ("certificate required", "name your own certificate, with its key, with SSL_CLIENT_CERT"),
    ("handshake failure", "the server may want a certificate of yours: SSL_CLIENT_CERT names one, with its key"),
    ("certificate", AUTHORITY),
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_PLAIN = ("wrong version number", "record layer failure", "unknown protocol", "http request", "eof occurred")


def reason_of(error: HTTPError) -> str:
    """Return why a request failed, without the names that libraries have for it and what the server sent."""
    found = getattr(error, "reason", None) or error
    if isinstance(found, ProtocolError) and len(found.args) > 1:
        found = found.args[1]
    if isinstance(found, OSError) and found.strerror and not isinstance(found, ssl.SSLError):
        return found.strerror
    if isinstance(found, BadStatusLine | UnknownProtocol) and not isinstance(found, ConnectionError):
        return "what answers does not speak HTTP"
    if isinstance(found, IncompleteRead):
        return "the answer broke off"
    if isinstance(found, ProxyFault):
        return str(found)
    if isinstance(found, NameResolutionError):
        return "its name has no address"
    text = re.sub(r" ?\(_ssl\.c:\d+\)|\[(?:Errno -?\d+|[A-Z0-9]+: \w+)\] ", "", str(found))
    return text.rpartition(": ")[2].strip("()'\" ") or type(found).__name__


def tls_hint(why: str) -> str:
    """Return what mends a connection that is not trusted, or nothing."""
    return next((hint for mark, hint in _HINTS if mark in why.lower()), "")


def unreachable(error: HTTPError, where: str) -> NetworkError:
    """Return the error for a request that failed; `where` is its address, without what may be a secret."""
    if isinstance(error, SlowAnswer):
        return NetworkError.of(str(error), where=where)
    if isinstance(error, ProxyFault):
        return NetworkError.of(str(error), where=where, hint=error.hint)
    why = reason_of(error)
    hint = tls_hint(why) if isinstance(error, SSLError) or "alert" in why else ""
    return NetworkError.of(
        f"cannot be reached: {why}",
        where=where,
        hint=hint or "check the network, or use `--offline` once inputs are fetched",
    )


def fault_of(error: ProxyError, proxy: Proxy, url: str) -> ProxyFault:
    """Return what a proxy of HTTP did wrong."""
    found = error.original_error
    if match := _TUNNEL.search(str(found)):
        host = urlsplit(url).hostname or ""
        return login_fault(proxy) if int(match[1]) == LOGIN else no_tunnel_fault(proxy, host, match[1])
    cause = found if isinstance(found, HTTPError) else ProtocolError("", found)
    why = reason_of(cause)
    if isinstance(found, SSLError | ssl.SSLError):
        if any(mark in str(found).lower().replace("_", " ") for mark in _PLAIN):
            return plain(proxy)
        return ProxyFault(proxy, f"is not trusted: {why}", tls_hint(why), passes=False)
    return unreachable_fault(proxy, why)
