"""What an interpreter runs to compile: sources come in, and the content of their compiled files goes out.

It imports what is built into every CPython, and nothing else: around an interpreter there may be no extension modules.
A request is a letter and two texts, each behind its length: what is asked for, the path and the source.
An answer is a letter and one text. The first one, asked by nobody, says which interpreter this is.
"""

from __future__ import annotations

import _frozen_importlib_external as importing
import _imp
import _io
import _signal  # type: ignore[import-not-found]  # no stubs: what `signal` is made of, which imports more
import _thread
import gc
import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

UNCHECKED, CHECKED, PROOF = b"U", b"C", b"P"
"""What is asked for: a file with one of the two hashes (PEP 552); the last is the first, read and written once more."""

IS, COMPILED, LEFT_OUT, ODD, EXHAUSTED = b"I", b"C", b"L", b"O", b"E"
"""What an answer's text is: the interpreter, a compiled file, why there is none, what is odd about it, or nothing."""

STACK = 512 << 20
"""Bytes of the stack that is compiled on, of which only what is used is memory. CPython 3.14 nests by what is left."""

MEMORY = 4 << 30
"""Bytes of addresses that this process may have, which who starts it sees to where the system can."""

DEPTH = 1000
"""The recursion limit, by which CPython before 3.14 nests: the one that it has by itself."""

LONGEST = 300
"""Seconds for one source, after which the kernel ends this process should nobody else be there to do it."""

ENCODINGS = (
    *("_multibytecodec", *(f"_codecs_{each}" for each in ("cn", "hk", "iso2022", "jp", "kr", "tw"))),
    *(f"encodings.{each}" for each in ("unicode_escape", "raw_unicode_escape", "utf_7", "punycode", "idna")),
)
"""Modules of encodings in which no source is compiled: some interpreters lack the first; the others hide marks."""


def main(requests: BinaryIO, canonical: Callable[[bytes], bytes]) -> None:
    """Answer requests until they end, on a stack of its own. Nothing that is printed comes among the answers."""
    answers = _io.open(posix.dup(1), "wb")
    posix.dup2(2, 1)
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    prepare()
    ended = _thread.allocate_lock()
    ended.acquire()

    def work() -> None:
        try:
            serve(requests, answers, canonical)
        finally:
            ended.release()

    _thread.stack_size(STACK)
    _thread.start_new_thread(work, ())
    ended.acquire()


def prepare() -> None:
    """Settle what compiling depends on."""
    gc.disable()
    sys.setrecursionlimit(DEPTH)
    for name in ENCODINGS:
        sys.modules[name] = None  # type: ignore[assignment]  # so nothing imports it


def serve(requests: BinaryIO, answers: BinaryIO, canonical: Callable[[bytes], bytes]) -> None:
    """Say which interpreter this is, and answer requests."""
    kind, text = IS, identity().encode()
    while True:
        answers.write(kind + len(text).to_bytes(4, "little") + text)
        answers.flush()
        asked = requests.read(1)
        if not asked:
            return
        path, source = read_text(requests).decode("utf-8"), read_text(requests)
        _signal.alarm(LONGEST)
        kind, text = answer(asked, path, source, canonical)
        _signal.alarm(0)


def identity() -> str:
    """Return the version of this interpreter, and what it is, if it is no usual build of CPython."""
    kinds = [] if sys.implementation.name == "cpython" else [sys.implementation.name]
    kinds += ["free-threaded"] if "t" in sys.abiflags else []
    kinds += ["debug"] if hasattr(sys, "gettotalrefcount") else []
    return " ".join((sys.version.partition(" ")[0], *kinds))


def read_text(requests: BinaryIO) -> bytes:
    """Return a text behind its length."""
    return requests.read(int.from_bytes(requests.read(4), "little"))


def answer(asked: bytes, path: str, source: bytes, canonical: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Return what a source becomes."""
    try:
        stream = marshal.dumps(compile(source, path, "exec", dont_inherit=True, optimize=0))
    except Exception as error:  # noqa: BLE001  # whatever it is, the source has no bytecode
        return (EXHAUSTED, b"") if is_exhausted(error) else (LEFT_OUT, reason(error).encode("utf-8", "replace"))
    try:
        written = canonical(stream)
        if asked == PROOF and canonical(marshal.dumps(marshal.loads(written))) != written:  # noqa: S302  # our own bytes
            return ODD, b"it is read as other code"
    except MemoryError:
        return EXHAUSTED, b""
    except (ValueError, EOFError, TypeError) as error:
        return ODD, str(error).encode("utf-8", "replace")
    magic = importing.MAGIC_NUMBER
    digest = _imp.source_hash(int.from_bytes(magic, "little"), source)
    return COMPILED, magic + (3 if asked == CHECKED else 1).to_bytes(4, "little") + digest + written


def reason(error: Exception) -> str:
    """Return in a line why a source does not compile."""
    text = error.msg if isinstance(error, SyntaxError) else str(error) or "it is too complex"
    line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return f"{type(error).__name__}: {text}"[:300] + line


def is_exhausted(error: Exception) -> bool:
    """Tell whether memory ended. For a source that is too complex, the parser of CPython 3.11 raises the same error."""
    if not isinstance(error, MemoryError) or str(error):
        return False
    if sys.version_info >= (3, 12):
        return True
    try:
        with _io.open("/proc/self/status", "rb") as status:
            peak = status.read().partition(b"VmPeak:")[2].split()[:1]
    except OSError:
        return False
    return bool(peak) and int(peak[0]) << 10 > MEMORY // 2
