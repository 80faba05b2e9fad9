"""Indexes on loopback that want a user and a password, each below a path of its own, as well-known servers lay them out."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from index_server import send
from listener import respond

LAYOUTS = {
    "artifactory": ("/artifactory/api/pypi/{name}/simple", "/artifactory/api/pypi/{name}/packages/ab/cd/"),
    "gitlab": ("/api/v4/projects/{name}/packages/pypi/simple", "/api/v4/projects/{name}/packages/pypi/files/ab/"),
    "codeartifact": ("/pypi/{name}/simple/", "/pypi/{name}/simple/some/1.0/"),
    "google": ("/project/{name}/simple/", "/project/{name}/some/"),
    "azure": ("/org/_packaging/{name}/pypi/simple/", "/org/_packaging/0c2c/pypi/download/{name}/1/"),
    "nexus": ("/repository/{name}/simple", "/repository/{name}/packages/some/1.0/"),
    "devpi": ("/root/{name}/+simple/", "/root/{name}/+f/ab/cd/"),
}


@dataclass
class Place:
    """An index: where its pages and files are, its wheels, and the `user:password` that it wants."""

    pages: str
    files: str
    wheels: Path
    account: str
    is_gone: bool = False
    """Whether nobody gets a file any more."""


@dataclass
class PrivateIndexes:
    """Serves several indexes; `seen` has each request: its path, and what was shown."""

    places: list[Place] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        indexes = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, _, value = (self.headers.get("authorization") or "").partition(" ")
                shown = base64.b64decode(value).decode() if kind == "Basic" else value
                indexes.seen.append((self.path, shown))
                indexes.answer(self, shown)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Keep quiet about clients that went away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, layout: str, name: str, wheels: Path, account: str) -> str:
        """Serve one index more; return its address."""
        pages, files = (text.format(name=name) for text in LAYOUTS[layout])
        self.places.append(Place(pages, files, wheels, account))
        return f"http://{self.host}{pages}"

    def shown(self) -> set[str]:
        """Return what was shown."""
        return {shown for _, shown in self.seen if shown}

    def shown_at(self, part: str) -> set[str]:
        """Return what was shown at addresses with a part."""
        return {shown for path, shown in self.seen if shown and part in path}

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, shown: str) -> None:
        """Answer a request."""
        for place in self.places:
            head, _, last = request.path.rstrip("/").rpartition("/")
            is_page = head == place.pages.rstrip("/")
            if not is_page and head + "/" != place.files:
                continue
            if shown != place.account or (place.is_gone and not is_page):
                respond(request, 401, b"not " + shown.encode(), www_authenticate='Basic realm="x"')
            elif is_page:
                self._page(request, place, last)
            elif (path := place.wheels / last).is_file():
                send(request, path.read_bytes())
            else:
                respond(request, 404)
            return
        respond(request, 404)

    def _page(self, request: BaseHTTPRequestHandler, place: Place, name: str) -> None:
        rows = [
            {
                "filename": path.name,
                "url": f"{place.files}{path.name}",
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                "size": path.stat().st_size,
            }
            for path in sorted(place.wheels.glob(f"{name}-*.whl"))
        ]
        if not rows:
            respond(request, 404)
            return
        document = {"meta": {"api-version": "1.1"}, "name": name, "files": rows, "versions": []}
        send(request, json.dumps(document).encode(), "application/vnd.pypi.simple.v1+json")
