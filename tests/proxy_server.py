"""A proxy on loopback: HTTP (CONNECT and whole addresses), SOCKS4 and SOCKS5, with a password or without."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from typing import Any

_MOST_THREADS = 32
_HEAD_END = b"\r\n\r\n"
_UNWANTED = {"proxy-authorization", "proxy-connection", "connection"}


@dataclass
class Proxy:
    """Where the proxy is, and each request: how it came, for what, and the credential in clear text."""

    port: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def targets(self) -> set[str]:
        """Return the hosts, with their ports, that were asked for."""
        return {target for _, target, _ in self.seen}

    def kinds(self) -> set[str]:
        """Return the ways in which it was asked."""
        return {kind for kind, _, _ in self.seen}


@contextmanager
def proxying(
    routes: Mapping[str, str], *, password: str = "", context: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """Run a proxy while a context lasts. `routes` says where hosts really are: names or `name:port`, to `host:port`.

    `password` is `user:password`, and whoever does not show it is refused. With `context` the proxy itself has TLS.
    """
    proxy = Proxy()
    places = threading.BoundedSemaphore(_MOST_THREADS)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with places, suppress(OSError, EOFError):
                sock = self.request
                sock.settimeout(20)
                if context:
                    sock = context.wrap_socket(sock, server_side=True)
                with sock:
                    _answer(sock, proxy, routes, password)

    class Server(ThreadingMixIn, TCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """Keep quiet where the other side goes away."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()


def _answer(sock: Any, proxy: Proxy, routes: Mapping[str, str], password: str) -> None:
    first = _exactly(sock, 1)
    if first == b"\x05":
        _socks5(sock, proxy, routes, password)
    elif first == b"\x04":
        _socks4(sock, proxy, routes)
    else:
        _http(sock, first, proxy, routes, password)


def _http(sock: Any, first: bytes, proxy: Proxy, routes: Mapping[str, str], password: str) -> None:
    head = first
    if not first.isalpha():
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        return
    while _HEAD_END not in head:
        head += _some(sock)
    head, _, body = head.partition(_HEAD_END)
    line, *rows = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    given = headers.get("proxy-authorization", "")
    shown = base64.b64decode(given.removeprefix("Basic ")).decode() if given else ""
    place, slash, path = target.removeprefix("http://").partition("/")
    proxy.seen.append((method if method == "CONNECT" else "whole address", place, shown))
    if password and shown != password:
        sock.sendall(
            b'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="proxy"\r\n'
            b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        return
    if method == "CONNECT":
        try:
            other = _reach(place, routes)
        except OSError:
            sock.sendall(b"HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n")
            return
        with other:
            sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            _pipe(sock, other)
        return
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(sock)
    connection = HTTPConnection(_route(place, routes), timeout=20)
    sent = {name: value for name, value in headers.items() if name not in _UNWANTED}
    connection.request(method, slash + path, body or None, sent)
    response = connection.getresponse()
    data = response.read()
    kept = "".join(
        f"{name}: {value}\r\n" for name, value in response.getheaders() if name.lower() != "transfer-encoding"
    )
    if "content-length" not in kept.lower():
        kept += f"content-length: {len(data)}\r\n"
    sock.sendall(f"HTTP/1.1 {response.status} {response.reason}\r\n{kept}connection: close\r\n\r\n".encode() + data)
    connection.close()


def _socks5(sock: Any, proxy: Proxy, routes: Mapping[str, str], password: str) -> None:
    """Answer as RFC 1928 and RFC 1929 have it."""
    methods = _exactly(sock, _exactly(sock, 1)[0])
    wanted = 2 if password else 0
    if wanted not in methods:
        proxy.seen.append(("socks5", "", ""))
        sock.sendall(b"\x05\xff")
        return
    sock.sendall(bytes([5, wanted]))
    shown = ""
    if password:
        _exactly(sock, 1)
        user = _exactly(sock, _exactly(sock, 1)[0]).decode()
        shown = f"{user}:{_exactly(sock, _exactly(sock, 1)[0]).decode()}"
        sock.sendall(bytes([1, shown != password]))
        if shown != password:
            proxy.seen.append(("socks5", "", shown))
            return
    kind = _exactly(sock, 4)[3]
    if kind == 3:
        host = _exactly(sock, _exactly(sock, 1)[0]).decode()
    else:
        family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, _exactly(sock, length))
    place = f"{host}:{struct.unpack('>H', _exactly(sock, 2))[0]}"
    proxy.seen.append(("socks5 by name" if kind == 3 else "socks5", place, shown))
    try:
        other = _reach(place, routes)
    except OSError:
        sock.sendall(b"\x05\x05\x00\x01" + bytes(6))  # connection refused
        return
    with other:
        sock.sendall(b"\x05\x00\x00\x01" + bytes(6))
        _pipe(sock, other)


def _socks4(sock: Any, proxy: Proxy, routes: Mapping[str, str]) -> None:
    _exactly(sock, 1)
    port, address = struct.unpack(">H4s", _exactly(sock, 6))
    user = _until_zero(sock)
    by_name = address[:3] == bytes(3) and address[3] != 0
    host = _until_zero(sock) if by_name else socket.inet_ntoa(address)
    place = f"{host}:{port}"
    proxy.seen.append(("socks4 by name" if by_name else "socks4", place, user))
    with _reach(place, routes) as other:
        sock.sendall(b"\x00\x5a" + bytes(6))
        _pipe(sock, other)


def _route(place: str, routes: Mapping[str, str]) -> str:
    return routes.get(place) or routes.get(place.rpartition(":")[0]) or routes.get(place) or place


def _reach(place: str, routes: Mapping[str, str]) -> socket.socket:
    host, _, port = _route(place, routes).rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def _pipe(one: Any, other: Any) -> None:
    """Let two sides talk until one of them ends: in one thread, since a socket with TLS is no matter of two."""
    pairs = {one: other, other: one}
    while True:
        ready = [each for each in pairs if isinstance(each, ssl.SSLSocket) and each.pending()]
        for source in ready or select.select([*pairs], [], [], 20)[0]:
            data = source.recv(1 << 16)
            if not data:
                return
            pairs[source].sendall(data)


def _exactly(sock: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += _some(sock, count - len(data))
    return data


def _some(sock: Any, most: int = 1 << 16) -> bytes:
    data: bytes = sock.recv(most)
    if not data:
        raise EOFError
    return data


def _until_zero(sock: Any) -> str:
    data = b""
    while (byte := _exactly(sock, 1)) != b"\0":
        data += byte
    return data.decode()
