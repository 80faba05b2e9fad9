"""The way to a host through a SOCKS proxy, and the one door to python-socks."""

from __future__ import annotations

import socket

from onedigest.net.proxies import Proxy
from onedigest.net.proxy_faults import login_fault, no_name_fault, no_tunnel_fault, unreachable_fault

_BY_NAME = ("socks5h", "socks4a")
_LOGIN = ("authentication", "identd")


def reach(proxy: Proxy, host: str, port: int, timeout: float | None) -> socket.socket:
    """Return a socket to a host behind a proxy. Raises `ProxyFault`."""
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, ProxyType
    from python_socks.sync import Proxy as Socks

    through = Socks.create(
        ProxyType.SOCKS5 if proxy.scheme.startswith("socks5") else ProxyType.SOCKS4,
        proxy.host,
        proxy.port,
        username=proxy.user if proxy.has_login else None,
        password=proxy.password if proxy.has_login else None,
        rdns=proxy.scheme in _BY_NAME,
    )
    try:
        return through.connect(host, port, timeout=timeout)
    except ProxyTimeoutError:
        raise unreachable_fault(proxy, "it does not answer") from None
    except ProxyConnectionError as error:
        raise unreachable_fault(proxy, _why(error)) from None
    except ProxyError as error:
        why = str(error)
        if any(mark in why.lower() for mark in _LOGIN):
            raise login_fault(proxy) from None
        raise no_tunnel_fault(proxy, host, why or "it ends the connection") from None
    except socket.gaierror:
        raise no_name_fault(proxy, host) from None
    except (OSError, ValueError, AssertionError) as error:
        raise unreachable_fault(proxy, _why(error)) from None


def _why(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return getattr(cause, "strerror", "") or "it does not speak SOCKS"
