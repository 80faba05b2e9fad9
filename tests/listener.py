"""A server on loopback that does what a test tells it, and notes what it is shown."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Listener:
    """Where the server is, and each request: its path, and the credential in clear text."""

    host: str
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its root, without a slash at the end."""
        return f"http://{self.host}"

    def paths(self) -> list[str]:
        """Return the paths that were asked for."""
        return [path for path, _ in self.seen]

    def credentials(self) -> set[str]:
        """Return what was shown."""
        return {shown for _, shown in self.seen if shown}


@contextmanager
def listening(answer: Callable[[BaseHTTPRequestHandler], None], context: Any = None) -> Iterator[Listener]:
    """Serve while a context lasts; with TLS where a context of it is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            given = self.headers.get("authorization") or ""
            kind, _, value = given.partition(" ")
            listener.seen.append((self.path, base64.b64decode(value).decode() if kind == "Basic" else given))
            answer(self)

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Keep quiet where the other side goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    listener = Listener(f"127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()


def respond(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Answer with a status, headers (`_` stands for `-`) and a body."""
    request.send_response(status)
    for name, value in {"content_length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def asking_index(request: BaseHTTPRequestHandler) -> None:
    """Answer as an index that wants a password, and has one wheel."""
    if not request.headers.get("authorization"):
        respond(request, 401, www_authenticate='Basic realm="index"')
    elif request.path.startswith("/simple/"):
        link = b'<a href="/files/alpha-1.0-py3-none-any.whl">alpha-1.0-py3-none-any.whl</a>'
        respond(request, 200, link, content_type="text/html")
    else:
        respond(request, 404)


def empty_index(request: BaseHTTPRequestHandler) -> None:
    """Answer as an index that wants a password, and has nothing."""
    if not request.headers.get("authorization"):
        respond(request, 401, www_authenticate='Basic realm="index"')
    else:
        respond(request, 404)
