"""Knows what proxies do wrong, in words that name the proxy, never what it is shown, and what mends it."""

from __future__ import annotations

from urllib3.exceptions import HTTPError

from onedigest.inputs.proxies import Proxy

LOGIN = 407


class ProxyFault(HTTPError):
    """A proxy did not do what it was asked for. `passes` tells whether another try may help."""

    def __init__(self, proxy: Proxy, why: str, hint: str = "", *, passes: bool = True) -> None:
        super().__init__(f"the proxy {proxy.address} {why}")
        self.hint = hint or f"correct {proxy.named}, or name the host in NO_PROXY"
        self.passes = passes


def unreached(proxy: Proxy, why: str) -> ProxyFault:
    """Return the fault of a proxy that is not there."""
    return ProxyFault(proxy, f"cannot be reached: {why}")


def unwilling(proxy: Proxy) -> ProxyFault:
    """Return the fault of a proxy that wants a user and a password, or other ones."""
    why = "refuses the user and the password" if proxy.has_login else "asks for a user and a password"
    return ProxyFault(proxy, why, proxy.login_hint, passes=False)


def untunnelled(proxy: Proxy, status: str, host: str) -> ProxyFault:
    """Return the fault of a proxy that leads to no host."""
    passes = not status.startswith("4")
    hint = f"have it let {host} through, or name {host} in NO_PROXY"
    return ProxyFault(proxy, f"does not lead to {host}: it answered {status}", hint, passes=passes)
