"""A proxy before a real registry that breaks what it is told to break, and counts what passes."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["Seen"], str]
"""Says what becomes of a request: nothing, a status such as `503`, or one of the words in `_FAULTS`."""


@dataclass
class Seen:
    """A request as it came. `body` is its length in bytes."""

    method: str
    path: str
    authorization: str
    body: int
    number: int
    """How many requests of this method and kind came before."""


@dataclass
class FaultProxy:
    """Serves while it is open. `rewrite` may change what is answered: status, headers and body."""

    target: str
    fault: Fault = lambda _: ""
    rewrite: Callable[[Seen, int, dict[str, str], bytes], tuple[int, dict[str, str], bytes]] | None = None
    seen: list[Seen] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.answer(self)

            do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Keep quiet about clients that went away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def requests(self, method: str, part: str = "") -> int:
        """Return how many requests of a method had this in their path."""
        return sum(seen.method == method and part in seen.path for seen in self.seen)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request as it is told, or as the registry does."""
        length = int(request.headers.get("content-length") or 0)
        seen = self._note(request, length)
        fault = self.fault(seen)
        if fault == "cut upload":
            request.rfile.read(length // 2)
            _reset(request)
            return
        body = _read_slowly(request, length) if fault == "slow upload" else request.rfile.read(length)
        if fault == "reset" or len(body) < length:
            _reset(request)
            return
        if fault.isdigit():
            _reply(request, int(fault), {"retry-after": "0"}, b"")
            return
        status, headers, data = self._forward(request, body)
        self.sent += len(body)
        if fault == "lost answer":
            _reset(request)
            return
        if self.rewrite:
            status, headers, data = self.rewrite(seen, status, headers, data)
            if request.command != "HEAD":
                headers = {**headers, "content-length": str(len(data))}
        if fault == "slow":
            _slowly(request, status, headers, data)
        elif fault == "truncated":
            _reply(request, status, {**headers, "content-length": str(len(data))}, data[: len(data) // 2])
            request.close_connection = True
        else:
            _reply(request, status, headers, data)

    def _note(self, request: BaseHTTPRequestHandler, length: int) -> Seen:
        kind = (request.command, request.path.partition("?")[0].split("/")[-2])
        with self._lock:
            number = self._counts.get(kind, 0)
            self._counts[kind] = number + 1
            seen = Seen(request.command, request.path, request.headers.get("authorization", ""), length, number)
            self.seen.append(seen)
        return seen

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
        with closing(http.client.HTTPConnection(self.target, timeout=30)) as connection:
            connection.request(request.command, request.path, body or None, headers)
            response = connection.getresponse()
            data = response.read()
        found = {name.lower(): value for name, value in response.headers.items()}
        if request.command != "HEAD":
            found["content-length"] = str(len(data))
        return response.status, found, data


@contextmanager
def faults(target: str, fault: Fault = lambda _: "") -> Iterator[FaultProxy]:
    """Run a proxy before a registry while the context lasts."""
    proxy = FaultProxy(target, fault)
    try:
        yield proxy
    finally:
        proxy.close()


def _reply(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], data: bytes) -> None:
    request.send_response(status)
    for name, value in {"content-length": str(len(data)), **headers}.items():
        if name not in ("connection", "transfer-encoding", "date", "server"):
            request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data)


def _slowly(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], data: bytes) -> None:
    request.send_response(status)
    for name in ("content-type", "content-length", "docker-content-digest"):
        if name in headers:
            request.send_header(name, headers[name])
    request.end_headers()
    step = max(len(data) // 8, 1)
    for start in range(0, len(data), step):
        request.wfile.write(data[start : start + step])
        request.wfile.flush()
        time.sleep(0.02)


def _read_slowly(request: BaseHTTPRequestHandler, length: int) -> bytes:
    """Read a body at 1 MB a second or less."""
    parts = []
    while length:
        part = request.rfile.read(min(length, 1 << 16))
        if not part:
            break
        parts.append(part)
        length -= len(part)
        time.sleep(0.06)
    return b"".join(parts)


def _reset(request: BaseHTTPRequestHandler) -> None:
    """End a connection as a crash would (RST)."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True
