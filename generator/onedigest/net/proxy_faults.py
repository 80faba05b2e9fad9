"""The faults of proxies, in words that name the proxy and never what it is shown, and what helps."""

from __future__ import annotations

from urllib3.exceptions import HTTPError

from onedigest.net.proxies import Proxy

LOGIN = 407


class ProxyFault(HTTPError):
    """A proxy did not do what it was asked for. `passes` tells whether another try may help."""

    def __init__(self, proxy: Proxy, why: str, hint: str = "", *, passes: bool = True) -> None:
        super().__init__(f"the proxy {proxy.address} {why}")
        self.hint = hint or f"correct {proxy.named}, or name the host in NO_PROXY"
        self.passes = passes


def unreachable_fault(proxy: Proxy, why: str) -> ProxyFault:
    """Return the fault of a proxy that is not there."""
    return ProxyFault(proxy, f"cannot be reached: {why}")


def login_fault(proxy: Proxy) -> ProxyFault:
    """Return the fault of a proxy that wants a user and a password, or other ones."""
    why = "refuses the user and the password" if proxy.has_login else "asks for a user and a password"
    return ProxyFault(proxy, why, proxy.login_hint, passes=False)


def no_tunnel_fault(proxy: Proxy, host: str, said: str = "") -> ProxyFault:
    """Return the fault of a proxy that leads to no host; `said` is what it said, such as a status."""
    why = f"does not lead to {host}{': ' if said else ''}{said}"
    hint = f"have it let {host} through, or name {host} in NO_PROXY"
    return ProxyFault(proxy, why, hint, passes=not said.startswith("4"))


def no_name_fault(proxy: Proxy, host: str) -> ProxyFault:
    """Return the fault of a proxy that is given addresses, for a host that has none here."""
    other = {"socks5": "socks5h", "socks4": "socks4a"}.get(proxy.scheme, proxy.scheme)
    why = f"is given addresses alone, and {host} has none here"
    return ProxyFault(proxy, why, f"write {other} in {proxy.named}: then the proxy looks names up", passes=False)


def plain(proxy: Proxy) -> ProxyFault:
    """Return the fault of a proxy that is to have TLS and has none."""
    hint = f"write {proxy.address.replace('https:', 'http:')} in {proxy.named}"
    return ProxyFault(proxy, "speaks no TLS", hint, passes=False)
