"""A running interpreter that compiles: what it is asked, how long it may take, and the proof of its bytes."""

from __future__ import annotations

import hashlib
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from onedigest.assembler.bytecode_layer import MOST_SOURCE
from onedigest.bytecode import known_answers, program
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError

MOST_TOKENS = 1_000_000
"""Words and marks of the largest source that is compiled. A compiler needs 0.2 to 2 kB of memory for each.

Sources are bound by their text alone, so every machine leaves out the same.
"""

LONGEST = 120
"""Seconds that one source may take."""

OPTIONS = ("-S", "-B", "-s", "-P", "-X", "utf8", "-W", "ignore")
"""Nothing of site, no file written, no folder of a user's or of where it is started, one encoding, no warnings."""

_START = (
    "import _io;f=_io.open(0,'rb',closefd=False);r=lambda:f.read(int.from_bytes(f.read(4),'little'));"
    "a,b={'__name__':'canonical_marshal'},{'__name__':'program'};exec(r(),a);exec(r(),b);b['main'](f,a['canonical'])"
)
_MODULES = ("canonical_marshal.py", "program.py")
_MARKS, _QUOTES = b",;:.=+-*/%@&|^~<>()[]{}!#", b"'\""
_WORDS = bytes(ord(" ") if each in _MARKS + _QUOTES else each for each in range(256))
_PIECE = 1 << 20
_LARGEST_ANSWER = 1 << 30
_PATIENCE = 5  # seconds for an interpreter that says nothing more to end
_CRASHES = frozenset((signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV))
"""Signals by which a compiler ends over a source. Others come from outside: as from a kernel whose memory is full."""

_OFF = "`bytecode = false` builds the image without compiled files"


class NotCompiled(Exception):
    """A source has no bytecode, and why; `unusual` where it may be right: it is very large, or crashed the compiler."""

    def __init__(self, reason: str, *, unusual: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unusual = unusual


class Unproven(InputError):
    """An interpreter is not what it is said to be, or gives other bytecode than the format says."""


def prove(interpreter: Interpreter) -> None:
    """Raise `Unproven` unless an interpreter is a CPython of its version that compiles as the format says."""
    with Compiler(interpreter):
        pass


class Compiler:
    """One interpreter that compiles one source after the other, proven when it is started.

    It belongs to the process that has entered it, and ends with it.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def compile(self, path: str, source: bytes, *, checked: bool = False) -> bytes:
        """Return the content of the compiled file of a source that has this path in the image.

        Raises `NotCompiled` for a source that has none. Python reads the source again for a `checked` one, and
        compiles it where it is another.
        """
        if len(source) > MOST_SOURCE:
            raise NotCompiled(f"it has more than {MOST_SOURCE >> 20} MiB", unusual=True)
        if len(source) > MOST_TOKENS and tokens(source) > MOST_TOKENS:
            raise NotCompiled(f"it has more than {MOST_TOKENS:,} words and marks", unusual=True)
        request = _request(program.CHECKED if checked else program.UNCHECKED, path, source)
        if self._process is None:
            self._start()
        try:
            kind, text = self._ask(request)
        except EOFError:
            raise self._fallen(path) from None
        except TimeoutError:
            self._stop()
            raise InputError.of(f"compiling it takes more than {LONGEST} seconds", where=path, hint=_OFF) from None
        except BaseException:
            self._stop()  # or its next answer would be taken for that of another source
            raise
        if kind == program.COMPILED:
            return text
        if kind == program.LEFT_OUT:
            raise NotCompiled(text.decode("utf-8", "replace"))
        self._stop()
        if kind == program.EXHAUSTED:
            most = f"{program.MEMORY >> 30} GiB"
            raise InputError.of(f"compiling it takes more than {most} of memory", where=path, hint=_OFF)
        why = text.decode("utf-8", "replace")
        message = f"Python {self._interpreter.version} gives bytecode of a form that is not known: {why}"
        raise InputError.of(message, where=path, hint=_OFF)

    def _start(self) -> None:
        interpreter = self._interpreter
        try:
            self._process = subprocess.Popen(
                (*interpreter.command, *OPTIONS, "-c", _START),
                env=dict(interpreter.variables),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # so an interrupt of the terminal reaches its parent alone, which ends it
            )
        except OSError as error:
            raise self._unproven(f"cannot be started: {error.strerror}") from None
        os.set_blocking(_number(self._process.stdin), False)
        if sys.platform == "linux":
            with suppress(OSError):  # it may have ended
                resource.prlimit(self._process.pid, resource.RLIMIT_AS, (program.MEMORY, program.MEMORY))
        try:
            self._prove()
        except BaseException:
            self._stop()
            raise

    def _prove(self) -> None:
        try:
            kind, text = self._ask(b"".join(map(_text, _program())))
            if kind != program.IS or text.decode("ascii", "replace") != self._interpreter.version:
                raise self._unproven(f"is {text[:80].decode('ascii', 'replace')!r}")
            kind, text = self._ask(_request(program.PROOF, known_answers.PATH, known_answers.SOURCE))
            if kind != program.COMPILED:
                raise self._unproven(f"does not compile what each CPython does: {text.decode('utf-8', 'replace')}")
            expected = known_answers.answer_of(self._interpreter.version)
            if expected and hashlib.sha256(text).hexdigest() != expected:
                raise self._unproven("gives other bytecode than bytecode format 1 has")
        except EOFError:
            raise self._unproven(f"ends at its start{_named(self._end())}") from None
        except TimeoutError:
            raise self._unproven(f"gives no answer within {LONGEST} seconds") from None

    def _unproven(self, what: str) -> Unproven:
        interpreter = self._interpreter
        return Unproven.of(f"{interpreter.origin} Python {interpreter.version} {what}")

    def _ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request, and return its answer. The interpreter reads all of it before it writes anything."""
        assert self._process  # it is running
        into, out = _number(self._process.stdin), _number(self._process.stdout)
        end = time.monotonic() + LONGEST
        left = memoryview(request)
        while left:
            _wait(into, selectors.EVENT_WRITE, end)
            try:
                left = left[os.write(into, left[:_PIECE]) :]
            except BrokenPipeError:
                raise EOFError from None
        head = _read(out, 5, end)
        return head[:1], _read(out, int.from_bytes(head[1:], "little"), end)

    def _fallen(self, path: str) -> NotCompiled | InputError:
        """Return what it means that an interpreter ended over a source.

        Where that is not the source's own fault, another machine would compile it: the image would be another there.
        """
        number = self._end()
        if number in _CRASHES:
            return NotCompiled(f"the compiler crashed{_named(number)}", unusual=True)
        hint = f"free memory, if that was the reason, and run this again; {_OFF}"
        return InputError.of(f"the compiler was ended{_named(number)} before it was done", where=path, hint=hint)

    def _end(self) -> int:
        """Await the end of an interpreter that says nothing more. Return by which signal it was; 0 for none."""
        assert self._process  # it was asked
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        code = self._process.returncode
        self._stop()
        return max(-(code or 0), 0)

    def _stop(self) -> None:
        if self._process:
            with self._process:  # closes its pipes, and waits
                self._process.kill()
            self._process = None


def tokens(source: bytes) -> int:
    """Return about how many tokens a source has: its words, its marks, and a quarter of its quotation marks."""
    words = len(source.translate(_WORDS).split())
    marks, quotes = (len(source) - len(source.translate(None, each)) for each in (_MARKS, _QUOTES))
    return words + marks + quotes // 4


def _named(number: int) -> str:
    return f" ({signal.Signals(number).name})" if number in set(signal.Signals) else ""


def _program() -> Iterator[bytes]:
    folder = Path(__file__).parent
    return ((folder / name).read_bytes() for name in _MODULES)


def _request(asked: bytes, path: str, source: bytes) -> bytes:
    try:
        name = path.encode()
    except UnicodeEncodeError:
        raise NotCompiled("its path is no text") from None
    return asked + _text(name) + _text(source)


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(4, "little") + text


def _number(pipe: IO[bytes] | None) -> int:
    assert pipe  # it was asked for
    return pipe.fileno()


def _read(file: int, size: int, end: float) -> bytes:
    if size > _LARGEST_ANSWER:
        raise EOFError
    parts: list[bytes] = []
    while size:
        _wait(file, selectors.EVENT_READ, end)
        part = os.read(file, min(size, _PIECE))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _wait(file: int, event: int, end: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(file, event)
        if not selector.select(max(end - time.monotonic(), 0)):
            raise TimeoutError
