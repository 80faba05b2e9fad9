"""The end of the program: an exit code or the signal that it got, in time, and never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from onedigest.errors import InternalError, OnedigestError
from onedigest.explained import explain
from onedigest.terminal.output import print_error, say

_Handler = Callable[[int, FrameType | None], Any] | int | None

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENT = 3
"""Seconds that cleaning up may take after a signal."""

_PATIENCE = 25
"""Seconds that it may take where programs run that end, too; engines give theirs 20."""


class Signals:
    """Turns the first signal into an interrupt, and ends the process where cleaning up after it takes too long."""

    def __init__(self) -> None:
        self.got: int | None = None
        self._when = 0.0
        self._process = os.getpid()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch signals while the context lasts, but for those that the caller had us ignore, as nohup does."""
        before: dict[signal.Signals, _Handler] = {}
        with suppress(ValueError):  # not the main thread, which alone gets signals
            for each in _SIGNALS:
                if signal.getsignal(each) is not signal.SIG_IGN:
                    before[each] = signal.signal(each, self._take)
        try:
            yield
        finally:
            if self.got is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
            for each, handler in before.items():
                signal.signal(each, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:  # a worker between its fork and its first line
            os._exit(128 + number)
        if self.got is not None:
            if time.monotonic() - self._when > 1:  # not the same one, sent to us and to our group
                self._die()
            return
        self.got, self._when = number, time.monotonic()
        sys.unraisablehook = lambda _: None  # an interrupt while something is destroyed
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _MOMENT, 1)
        raise KeyboardInterrupt

    def _look(self, *_: object) -> None:
        if time.monotonic() - self._when > _PATIENCE or not _has_children():
            self._die()

    def _die(self) -> None:
        os._exit(self.exit_code)

    @property
    def exit_code(self) -> int:
        """The exit code that shells give a program which a signal ended."""
        return 128 + (self.got or signal.SIGINT)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def told(error: BaseException, *, verbose: bool) -> OnedigestError:
    """Say why the program ends with an exception, whatever it is; return what it means."""
    known = error if isinstance(error, OnedigestError) else explain(error)
    if verbose and isinstance(known, InternalError) and known is not error:
        import traceback

        with suppress(Exception):  # not even where an exception cannot be printed
            say("".join(traceback.format_exception(error)).rstrip("\n"))
    print_error(known)
    return known
