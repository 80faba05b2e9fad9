"""What an exception of Python means: the same as one of our own errors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from onedigest.errors import EngineError, InputError, InternalError, NetworkError, OnedigestError

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
    package = f"{Path(__file__).parent}{os.sep}"
    place = ""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(package):
            place = f" ({name.removeprefix(package)}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place
