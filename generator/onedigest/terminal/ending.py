"""The end of the program: an exit code or the signal that it got, in time, and never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from onedigest.errors import EngineError, InputError, InternalError, NetworkError, OnedigestError
from onedigest.terminal.output import print_error, say

_Handler = Callable[[int, FrameType | None], Any] | int | None

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENT = 3
"""Seconds that cleaning up may take after a signal."""

_PATIENCE = 25
"""Seconds that it may take where programs run that end, too; engines give theirs 20."""

_HINTS = {
    errno.ENOSPC: "free some space, or set XDG_CACHE_HOME and TMPDIR to folders with more",
    errno.EDQUOT: "free some space, or set XDG_CACHE_HOME and TMPDIR to folders with more",
    errno.EMFILE: "allow more open files, such as by `ulimit -n 1024`",
    errno.EROFS: "work in a checkout that may be written; XDG_CACHE_HOME and TMPDIR say where all else is kept",
}

_WRONG = (
    (MemoryError, "", "there is not enough memory", ""),
    (RecursionError, "", "something that was read is nested too deeply", ""),
    (UnicodeError, "", "something that was read is not UTF-8: {}", ""),
    (ValueError, "embedded null", "a name holds a NUL character", ""),
    (ValueError, "integer string conversion", "a number has too many digits", ""),
    (RuntimeError, "Symlink loop", "a link leads to itself: {}", ""),
    (RuntimeError, "home directory", "there is no home folder", "set HOME, or XDG_CACHE_HOME"),
    (RuntimeError, "start new thread", "this machine allows no more threads", "allow more, such as by `ulimit -u`"),
)
"""What Python raises for wrong input, the sign of it in the message, and how it is told."""

_FORMATS = {"_lzma", "binascii", "gzip", "json", "packaging", "struct", "tarfile", "tomllib", "zipfile", "zlib"}
"""Modules whose own exceptions are about what was read."""


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


def explain(error: BaseException) -> OnedigestError:
    """Return what an exception means that is not ours."""
    if isinstance(error, OSError):
        return _explained_os(error)
    if type(error).__name__ == "BrokenProcessPool":  # its module is not imported for this
        return EngineError.of("a worker process was killed", hint="it may have had too little memory")
    said = " ".join(str(error).split())[:300]
    for kind, sign, wrong, hint in _WRONG:
        if isinstance(error, kind) and sign in said:
            ours = EngineError if kind is MemoryError else InputError
            return ours.of(f"{wrong.format(said)}{_place(error)}", hint=hint)
    module = type(error).__module__.partition(".")[0]
    if module in _FORMATS:
        return InputError.of(f"something that was read is broken: {said}{_place(error)}")
    if module in ("http", "urllib3"):
        return NetworkError.of(f"a server answered with what it should not: {said}{_place(error)}")
    return InternalError.of(
        f"internal error: {type(error).__name__}: {said or 'it gives no reason'}{_place(error)}",
        hint="please report it with what --verbose shows",
    )


def _explained_os(error: OSError) -> OnedigestError:
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno == errno.ENOENT and not names and not _has_working_directory():
        return InputError.of("the working directory does not exist any more", hint="change to one that does")
    if not names:
        return InputError.of(reason)
    places = " -> ".join(name if len(name) <= 300 else f"{name[:297]}..." for name in names)
    return InputError.of(f"{reason}: {places}", hint=_HINTS.get(error.errno or 0, ""))


def _has_working_directory() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _place(error: BaseException) -> str:
    """Return where in our own code an exception came from."""
    package = f"{Path(__file__).parent.parent}{os.sep}"
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(package):
            place = f" ({name.removeprefix(package)}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place
