"""The BuildKit in a docker daemon as one that is remote: what speaks gRPC at a socket is led into the daemon's API."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"


class _Bridge(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, at: Path, daemon: str) -> None:
        super().__init__(str(at), _Connection)
        self.daemon = daemon


class _Connection(StreamRequestHandler):
    """One connection, as `docker buildx` itself has it with a daemon (moby's API: POST /grpc)."""

    def handle(self) -> None:
        assert isinstance(self.server, _Bridge)
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(self.server.daemon)
            daemon.sendall(UPGRADE)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):  # BuildKit speaks after the client has
                answer += daemon.recv(1)
            assert answer.startswith(b"HTTP/1.1 101 "), answer
            back = threading.Thread(target=_pass, args=(daemon, self.request), daemon=True)
            back.start()
            _pass(self.request, daemon)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def remote_buildkit(daemon: str) -> Iterator[str]:
    """Serve the BuildKit of a daemon while the context lasts; yield the address for `--driver remote`."""
    folder = Path(tempfile.mkdtemp(prefix="onedigest-"))  # sockets have short paths
    try:
        with _Bridge(folder / "buildkit.sock", daemon.removeprefix("unix://")) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield f"unix://{folder}/buildkit.sock"
            finally:
                server.shutdown()
                thread.join()
    finally:
        shutil.rmtree(folder)
