"""A server of git repositories on loopback, over HTTP as git's own program speaks it, with a password if it has one."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves the repositories of a folder while it is open. `secret` is `user:password`, or nothing."""

    def __init__(self, folder: Path, secret: str = "") -> None:
        self.requests: list[tuple[str, str]] = []
        """The path of each request, and what it had as authorization."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stated = self.headers.get("authorization", "")
                server.requests.append((self.path, stated))
                if secret and stated != "Basic " + base64.b64encode(secret.encode()).decode():
                    self.send_response(401)
                    self.send_header("www-authenticate", 'Basic realm="git"')
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                self.wfile.write(b"HTTP/1.0 200 OK\r\n" + _answer(self, folder))

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _answer(request: BaseHTTPRequestHandler, folder: Path) -> bytes:
    """Return what git's program for web servers (git-http-backend) answers, head and body."""
    path, _, query = request.path.partition("?")
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    body = _body(request)
    variables["CONTENT_LENGTH"] = str(len(body))
    done = subprocess.run(["git", "http-backend"], env=variables, input=body, capture_output=True, check=False)
    return done.stdout


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("transfer-encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("content-length") or 0))
    found = b""
    while size := int(request.rfile.readline(), 16):
        found += request.rfile.read(size)
        request.rfile.readline()
    return found
