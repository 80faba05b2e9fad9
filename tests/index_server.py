"""A package index on loopback: the simple API (PEP 503, PEP 691) over a folder of wheels and source archives."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Fault = Callable[[BaseHTTPRequestHandler, bytes], bool]
"""May answer a request for a file in its own way; returns whether it did."""


class IndexServer:
    """Serves while it is open. `states_sizes` chooses JSON with sizes, or HTML without.

    `yanked` are the files that were taken back, with the reason. A wheel's METADATA stands beside it (PEP 658).
    """

    def __init__(self, folder: Path, *, states_sizes: bool = True, fault: Fault | None = None) -> None:
        self.yanked: dict[str, str] = {}
        self.folder = folder
        self.requests: list[str] = []
        self.states_sizes = states_sizes
        self.fault = fault
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                index.requests.append(self.path)
                index.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """Keep quiet about clients that went away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        """The address of the simple API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        _, kind, *rest = request.path.rstrip("/").split("/")
        if kind == "simple" and rest:
            self._project(request, rest[0])
        elif kind == "files" and (path := self.folder / rest[0]).is_file():
            data = path.read_bytes()
            if not (self.fault and self.fault(request, data)):
                send(request, data)
        elif kind == "files" and (path := self.folder / rest[0].removesuffix(".metadata")).suffix == ".whl":
            send(request, _metadata(path))
        else:
            request.send_error(404)

    def _project(self, request: BaseHTTPRequestHandler, name: str) -> None:
        files = [path for path in sorted(self.folder.iterdir()) if _project_of(path.name) == name]
        if not files:
            request.send_error(404)
            return
        if self.states_sizes:
            rows = [
                {
                    "filename": path.name,
                    "url": f"/files/{path.name}",
                    "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                    "size": path.stat().st_size,
                    "upload-time": "2026-01-02T03:04:05Z",
                    "yanked": self.yanked.get(path.name, False),
                }
                for path in files
            ]
            document = {"meta": {"api-version": "1.1"}, "name": name, "files": rows, "versions": []}
            send(request, json.dumps(document).encode(), "application/vnd.pypi.simple.v1+json")
        else:
            links = "".join(
                f'<a href="/files/{path.name}"'
                + (f' data-yanked="{self.yanked[path.name]}"' if path.name in self.yanked else "")
                + f">{path.name}</a>\n"
                for path in files
            )
            send(request, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")


def send(request: BaseHTTPRequestHandler, data: bytes, content_type: str = "application/octet-stream") -> None:
    """Answer with a whole document, or with the range that is asked for."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if match:
        start, end = int(match[1]), int(match[2] or len(data) - 1)
        if start >= len(data):
            request.send_error(416)
            return
        request.send_response(206)
        request.send_header("content-range", f"bytes {start}-{end}/{len(data)}")
        data = data[start : end + 1]
    else:
        request.send_response(200)
    request.send_header("content-type", content_type)
    request.send_header("accept-ranges", "bytes")
    request.send_header("content-length", str(len(data)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data)


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _project_of(file_name: str) -> str:
    return re.sub(r"[-_.]+", "-", file_name.partition("-")[0]).lower()
