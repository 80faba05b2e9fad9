"""Which CPython a command starts, by what it says of itself."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from onedigest.untrusted import without_secrets

SECONDS = 20
"""How long a Python may take to say which one it is, on a slow disk."""

_MOST_SAID = 4096
_SHOWN = 200
_MARK = "onedigest-python"
_QUESTION = (
    f"import sys; print('{_MARK}', sys.implementation.name, sys.version.split()[0], hasattr(sys, 'gettotalrefcount'),"
    " ' free-threading ' in sys.version, flush=True)"
)
_WORDS = 5


def own_version() -> str:
    """Return the full version of the Python that runs this. Raises `ValueError` where it is no usual CPython."""
    debug, free = hasattr(sys, "gettotalrefcount"), " free-threading " in sys.version
    return _told(sys.implementation.name, sys.version.split()[0], str(debug), str(free))


def read_version(command: Sequence[str], variables: Mapping[str, str], seconds: float = SECONDS) -> str:
    """Start a Python and return its full version, as `own_version` has it. Raises `ValueError` with why there is none.

    It may be anybody's program: its words are bounded, and all that it started ends with it.
    """
    try:
        process = subprocess.Popen(
            [*command, "-S", "-c", _QUESTION],
            cwd="/",
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(f"it does not start: {error.strerror}") from None
    try:
        said = _hear(process, seconds)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for line in said.splitlines():
        words = line.split(" ")
        if len(words) == _WORDS and words[0] == _MARK:
            return _told(*words[1:])
    raise ValueError(f"it does not start: {without_secrets(' '.join(said.split()))[-_SHOWN:] or 'it says nothing'}")


def _hear(process: subprocess.Popen[bytes], seconds: float) -> str:
    """Return what a process says until it closes its output; it is not waited for longer than that."""
    assert process.stdout is not None
    said = b""
    ends = time.monotonic() + seconds
    with process.stdout as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(said) < _MOST_SAID:
            if not selector.select(max(0.0, ends - time.monotonic())):
                raise ValueError(f"it does not answer in {seconds:g} seconds")
            data = os.read(pipe.fileno(), _MOST_SAID)
            if not data:
                break
            said += data
    return said.decode("utf-8", "replace")


def _told(implementation: str, version: str, debug: str, free: str) -> str:
    if implementation != "cpython":
        raise ValueError(f"it is {implementation[:_SHOWN]}, and not CPython")
    if (debug, free) != ("False", "False"):
        build = "free-threaded" if free == "True" else "debug"
        raise ValueError(f"it is a {build} build of CPython {version[:_SHOWN]}")
    return version[:_SHOWN]
