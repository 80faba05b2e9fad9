"""Runs the program in a fork of a Python that has imported it: most of a short run is the import of its modules.

What a run is given is its own: arguments, folder, variables, umask, streams. Two such Pythons take turns, so that a run
and the next have other seeds of hashes. A run that sets what Python or the system's libraries read when they start is a
process of its own, and so is the first run of each command, which shows that the program imports what it uses.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from threading import Lock

PROGRAM = "onedigest"
TURNS = 2
STARTING = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "GLIBC_", "MALLOC_", "OPENSSL_")
"""How the names of variables begin that are read when a process starts."""

UNSHARED = ("__main__", "builder", "declaring", "sdk", "flyte_build", "run")
"""Modules that are not imported before: the start, what imports Flyte itself, and what hides a function of its name."""

STRICT = {"PYTHONWARNINGS": "error"}
"""Those of such variables that runs have."""

ENGINES = ("embedded", "buildx", "bazel", "nix")

COLD = "ONEDIGEST_TEST_COLD"
"""Set this, and all runs are processes of their own."""

LENGTH = 8
"""Bytes of a number between the processes."""

_seen: set[tuple[str, ...]] = set()
_warm: dict[int, WarmPython] = {}
_turns = cycle(range(TURNS))


class WarmPython:
    """A process that has the program's modules, and forks for each run; one run at a time."""

    def __init__(self) -> None:
        self._free = Lock()
        self._link, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())],
                env={"PATH": os.environ["PATH"], **STRICT},
                stdout=subprocess.PIPE,  # as for a run: its streams ask what they are when they are made
                stderr=subprocess.PIPE,
                pass_fds=[other.fileno()],
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the process, which waits for the next run."""
        self._link.close()
        self._process.wait()

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Run the program; return its code, and what it and its children write."""
        mask = os.umask(0o077)
        os.umask(mask)
        request = json.dumps([list(arguments), str(folder), dict(environment), mask]).encode()
        with self._free, ExitStack() as open_ends:
            (out, out_end), (err, err_end) = os.pipe(), os.pipe()
            for each in (out, err):
                open_ends.callback(os.close, each)
            try:
                socket.send_fds(self._link, [len(request).to_bytes(LENGTH)], [out_end, err_end])
            finally:
                os.close(out_end)
                os.close(err_end)
            self._link.sendall(request)
            said = _read_all(out, err)
            code = int.from_bytes(_receive(self._link, LENGTH), signed=True)
        return code, _decoded(said[out]), _decoded(said[err])


def run_warm(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str] | None:
    """Run the program in a fork; return its code and what it writes, None where a process of its own is wanted."""
    if (
        COLD in os.environ
        or {name: value for name, value in environment.items() if name.startswith(STARTING)} != STRICT
    ):
        return None
    command = (*arguments[:1], *(each for each in arguments if each in ENGINES))
    if command not in _seen:
        _seen.add(command)
        return None
    turn = next(_turns)
    if turn not in _warm:
        _warm[turn] = WarmPython()
    return _warm[turn].run(arguments, folder, environment)


def _read_all(*ends: int) -> dict[int, bytes]:
    """Read pipes until nobody is left who writes."""
    said = dict.fromkeys(ends, b"")
    with selectors.DefaultSelector() as selector:
        for each in ends:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                piece = os.read(key.fd, 1 << 16)
                said[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
    return said


def _decoded(text: bytes) -> str:
    """Return text with the ends of lines that a pipe of text gives."""
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8").read()


def _receive(link: socket.socket, size: int) -> bytes:
    text = b""
    while len(text) < size:
        piece = link.recv(size - len(text))
        if not piece:
            raise EOFError("the other process has ended")
        text += piece
    return text


def serve(link: socket.socket) -> None:
    """Import the program, and fork for each run; in the fork, return when it is the program's turn."""
    _import_all()
    gc.collect()
    gc.freeze()  # else each fork goes through all of it when it ends
    while True:
        head, ends, _, _ = socket.recv_fds(link, LENGTH, 2)
        if not head:
            os._exit(0)
        request = json.loads(_receive(link, int.from_bytes(head)))
        child = os.fork()
        if not child:
            link.close()
            _become(*request, *ends)
            return
        for each in ends:
            os.close(each)
        _, status = os.waitpid(child, 0)
        link.sendall(os.waitstatus_to_exitcode(status).to_bytes(LENGTH, signed=True))


def _import_all() -> None:
    package = importlib.import_module(PROGRAM)
    for module in pkgutil.walk_packages(package.__path__, f"{PROGRAM}."):
        if module.name.rpartition(".")[2] not in UNSHARED:
            importlib.import_module(module.name)


def _become(arguments: list[str], folder: str, environment: dict[str, str], mask: int, out: int, err: int) -> None:
    """Make this process what `python -m onedigest` would be."""
    for number, end in enumerate((out, err), 1):
        os.dup2(end, number)
        os.close(end)
    os.chdir(folder)
    os.umask(mask)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[0] = folder
    sys.argv = [PROGRAM, *arguments]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(PROGRAM, run_name="__main__", alter_sys=True)
