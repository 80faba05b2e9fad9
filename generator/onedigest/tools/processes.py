"""The programs of engines as processes: a short question, or a long command that is followed and ends with us."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

_PATIENCE = 20
_MOMENT = 0.05
_MOST = 32 << 20
"""How many characters of a log are kept, the last ones: what went wrong stands at its end."""

_LONGEST_LINE = 1 << 16
_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")


class RunningProcess:
    """A command that runs, and writes its log to a file, so that neither it nor we wait for the other."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], take: Callable[[str], object]) -> None:
        self._process = process
        self._log = log
        self._take = take
        self._lines: deque[str] = deque()
        self._size = 0
        self._rest = b""

    def finish(self) -> tuple[int, str]:
        """Follow the log until the command ends; return its exit code and the log."""
        while self._process.poll() is None:
            self._read()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_MOMENT)
        self._read()
        if self._rest:
            self._keep(_plain(self._rest))
        return self._process.returncode, "\n".join(self._lines)

    def _read(self) -> None:
        while more := self._log.read(_LONGEST_LINE):
            *lines, self._rest = (self._rest + more).split(b"\n")
            if len(self._rest) > _LONGEST_LINE:
                lines, self._rest = [*lines, self._rest], b""
            for line in lines:
                self._keep(_plain(line))

    def _keep(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)
        while self._size > _MOST:
            self._size -= len(self._lines.popleft())
        self._take(line)


def _plain(line: bytes) -> str:
    """Return a line of a log as a terminal leaves it in the end: without colours, and without what was overwritten."""
    return _COLOUR.sub(b"", line).rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")


def ask(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a short command; its output is text, whatever the locale."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, folder: Path, take: Callable[[str], object]
) -> Iterator[RunningProcess]:
    """Run a long command in a folder while the context lasts; `take` gets each line of its log.

    Where the context ends badly, the command is interrupted, and has a moment to end before it is killed.
    """
    with NamedTemporaryFile() as written, Path(written.name).open("rb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=written,
        )
        with process, ended(process):
            yield RunningProcess(process, log, take)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process as an interrupt would, and surely, where the context does not end well."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
