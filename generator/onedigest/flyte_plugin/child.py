"""The process that Flyte's builder starts, which answers at once where it can and ends with its parent.

It reads one line of JSON from stdin, which stays open for as long as the answer is wanted, and writes one to stdout.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress

_PATIENCE = 30
"""Seconds that ending may take; programs that a build runs get 20, and the build 25."""

_MOST_REQUEST = 64 << 20
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNAL_OF_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)


def main(places: list[str]) -> None:
    """Answer one request, and exit. `places` are those of the modules that the parent has."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = os.getppid()
    request = _read_line()
    answer = _recalled(request, places) if request else b"{}\n"
    if not answer:
        answer = _worked(request, parent, places)
    with suppress(OSError):  # nobody waits any more
        _write(1, answer)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)


def _read_line() -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < _MOST_REQUEST:
        data = os.read(0, 1 << 20)
        if not data:  # whoever started this is gone
            return b""
        found += data
    return found


def _recalled(request: bytes, places: list[str]) -> bytes:
    """Return the answer of last time where it holds, by few imports; nothing where all has to be looked at."""
    try:
        from onedigest.flyte_plugin.answers import recall_answer

        reference = recall_answer(json.loads(request), lambda: _find_modules(places))
    except Exception:  # noqa: BLE001  what is wrong is found and said by the long way
        return b""
    return _line({"reference": reference}) if reference else b""


def _worked(request: bytes, parent: int, places: list[str]) -> bytes:
    """Have a process of its own do the work, and watch it: it is ended where nobody waits for the answer any more.

    It is one of a group of its own, which an interrupt reaches as a whole, as one from a terminal would.
    """
    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        _work(request, writing, places)
    os.close(writing)
    with suppress(OSError):  # it may have done so itself
        os.setpgid(worker, worker)
    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, lambda *_: _send(worker, signal.SIGINT))
    said, status = _watch(worker, reading, parent)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = "; it may have had too little memory" if number == signal.SIGKILL else ""
        return _line({"error": f"the build was ended by signal {number}{hint}"})
    return said if said.endswith(b"\n") else _line({"error": f"the build ended with exit code {status >> 8}"})


def _watch(worker: int, reading: int, parent: int) -> tuple[bytes, int]:
    """Return what a worker said until it ended, and how it ended."""
    said, unwanted = b"", 0.0
    while True:
        ready, _, _ = select.select([reading, *([] if unwanted else [0])], [], [], 0.5)
        if reading in ready and (data := os.read(reading, 1 << 16)):
            said += data
            continue
        ended, status = os.waitpid(worker, 0 if reading in ready else os.WNOHANG)
        if ended:
            return said, status
        is_closed = 0 in ready and not os.read(0, 1 << 16)
        if not unwanted and (is_closed or os.getppid() != parent):
            unwanted = time.monotonic()
            _send(worker, signal.SIGINT)
        if unwanted and time.monotonic() - unwanted > _PATIENCE:
            _send(worker, signal.SIGKILL)


def _send(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _work(request: bytes, writing: int, places: list[str]) -> None:
    """Answer a request, and end; whatever programs print goes to stderr."""
    _stand_alone()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    answer = {"error": "interrupted"}
    try:
        _find_modules(places)
        from onedigest.flyte_plugin.worker import answer_line

        answer = answer_line(request)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001  the SDK waits for an answer
        answer = {"error": f"onedigest cannot be started: {type(error).__name__}: {error}"}
    finally:
        with suppress(OSError):
            _write(writing, _line(answer))
        os._exit(0)


def _find_modules(places: list[str]) -> None:
    """Have this process find what is installed, which to answer at once took none of; the parent's places come last."""
    if places:
        import site

        site.main()
        sys.path += [path for path in places if path not in sys.path]


def _stand_alone() -> None:
    """Make this process a group that may be interrupted, and write to a terminal; it ends with the one that watches."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell may have had it ignored
    for each in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(each, signal.SIG_IGN)
    _end_with_parent()


def _end_with_parent() -> None:
    """Have the kernel end this process with the one that watches it, where it can be asked for that."""
    if sys.platform == "linux":
        with suppress(Exception):
            import ctypes

            ctypes.CDLL(None).prctl(_SIGNAL_OF_PARENT, signal.SIGTERM)


def _line(answer: dict[str, str]) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
