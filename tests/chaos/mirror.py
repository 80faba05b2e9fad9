"""Knows a stand-in for a mirror of Debian on loopback: it asks a real one for each file once."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from index_server import send
from onedigest.debian.mirror import MAIN_VARIABLE, SECURITY_VARIABLE, find_mirrors


@contextmanager
def stand_in(folder: Path) -> Iterator[str]:
    """Serve what mirrors have, below `/debian` and `/debian-security`, while the context lasts; give host and port."""
    folder.mkdir(parents=True)
    main, security = (os.environ.get(each, "") for each in (MAIN_VARIABLE, SECURITY_VARIABLE))
    mirrors = find_mirrors(main, security, Path("/etc/apt"))
    below = {"debian": mirrors.debian[0], "debian-security": mirrors.security[0]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kept = folder / quote(self.path, safe="")
            if not kept.exists():
                archive, _, path = self.path[1:].partition("/")
                try:
                    with urllib.request.urlopen(f"{below[archive]}/{path}", timeout=60) as answer:
                        data = answer.read()
                except (urllib.error.URLError, OSError):
                    self.send_error(404)
                    return
                new = kept.with_name(f"{kept.name}.{threading.get_ident()}")
                new.write_bytes(data)
                new.replace(kept)
            send(self, kept.read_bytes())

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Keep quiet about clients that went away."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
