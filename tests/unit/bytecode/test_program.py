"""What an interpreter runs to compile, in this process: its requests and answers, and what it lets no source depend on."""

from __future__ import annotations

import _frozen_importlib_external
import gc
import importlib.util
import io
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onedigest.bytecode import canonical_marshal, program
from onedigest.bytecode.canonical_marshal import canonical
from onedigest.bytecode.program import answer, identity, is_exhausted, prepare, serve

A = b"a = 1\n"


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(program, "MEMORY", 1 << 50)  # a process of tests may have come near the bound before
    depth, modules = sys.getrecursionlimit(), dict(sys.modules)
    prepare()
    yield
    sys.setrecursionlimit(depth)
    gc.enable()
    for name in program.ENCODINGS:
        del sys.modules[name]
    sys.modules.update(modules)


def request(asked: bytes, path: bytes, source: bytes) -> bytes:
    return asked + b"".join(len(each).to_bytes(4, "little") + each for each in (path, source))


def refuse(_: bytes) -> bytes:
    raise ValueError("odd")


def exhaust(_: bytes) -> bytes:
    raise MemoryError


def test_sources_come_in_and_compiled_files_go_out() -> None:
    out = io.BytesIO()
    asked = request(program.UNCHECKED, b"/a.py", A) + request(program.CHECKED, b"/\xc3\xa9.py", b"a =\n")
    serve(io.BytesIO(asked), out, canonical)
    answers = io.BytesIO(out.getvalue())
    first, second, third = ((answers.read(1), program.read_text(answers)) for _ in range(3))

    assert first == (b"I", sys.version.split()[0].encode())
    assert second == answer(program.UNCHECKED, "/a.py", A, canonical)
    assert third == (b"L", b"SyntaxError: invalid syntax, line 1")
    assert answers.read() == b""


def test_a_compiled_file_is_the_one_that_python_takes() -> None:
    kind, text = answer(program.UNCHECKED, "/a.py", A, canonical)
    code = compile(A, "/a.py", "exec", dont_inherit=True, optimize=0)

    assert kind == program.COMPILED
    assert text[:16] == importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(A)
    assert text[16:] == canonical(marshal.dumps(code))
    assert marshal.loads(text[16:]).co_filename == "/a.py"
    assert _frozen_importlib_external._classify_pyc(text, "a", {}) == 1  # type: ignore[attr-defined]
    assert answer(program.CHECKED, "/a.py", A, canonical)[1] == text[:4] + b"\3" + text[5:]
    assert answer(program.PROOF, "/a.py", A, canonical)[1] == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"print 'a'\n", "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?, line 1"),
        (b"if a:\nb\n", "IndentationError: expected an indented block after 'if' statement on line 1, line 2"),
        (b"# coding: gbk\n", "SyntaxError: unknown encoding: gbk"),
        (b"# coding: shift_jis\n", "SyntaxError: unknown encoding: shift_jis"),
        (b"# coding: utf-7\n", "SyntaxError: unknown encoding: utf-7"),
        (b"a = " + b"(" * 300, "SyntaxError: too many nested parentheses, line 1"),
    ],
)
@pytest.mark.usefixtures("prepared")
def test_a_source_is_left_out_with_its_reason(source: bytes, reason: str) -> None:
    assert answer(program.UNCHECKED, "/a.py", source, canonical) == (program.LEFT_OUT, reason.encode())


@pytest.mark.parametrize(
    "source", [b"a = '\0'\n", b"a = '\xe9'\n", b"a = " + b"-" * 100_000 + b"1\n", b"a = " + b"9" * 9999]
)
@pytest.mark.usefixtures("prepared")
def test_no_source_brings_it_down(source: bytes) -> None:
    kind, text = answer(program.UNCHECKED, "/a.py", source, canonical)

    assert kind == program.LEFT_OUT
    assert b"Error: " in text
    assert len(text) < 400


def test_a_path_with_a_null_byte_has_no_bytecode() -> None:
    assert answer(program.UNCHECKED, "/\0.py", A, canonical)[0] == program.LEFT_OUT


def test_odd_bytecode_is_no_source_to_leave_out() -> None:
    assert answer(program.UNCHECKED, "/a.py", A, refuse) == (program.ODD, b"odd")
    assert answer(program.PROOF, "/a.py", A, lambda stream: stream + b"N")[0] == program.ODD
    assert answer(program.PROOF, "/a.py", A, lambda stream: stream[:40])[0] == program.ODD
    assert answer(program.UNCHECKED, "/a.py", A, exhaust) == (program.EXHAUSTED, b"")


@pytest.mark.parametrize(("bound", "ended"), [(1 << 50, sys.version_info >= (3, 12)), (1 << 20, True)])
def test_the_end_of_memory_is_told_from_a_complex_source(
    bound: int, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "MEMORY", bound)

    assert not is_exhausted(MemoryError("Parser stack overflowed"))
    assert not is_exhausted(RecursionError())
    assert is_exhausted(MemoryError()) == ended


def test_it_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity() == sys.version.split()[0]
    monkeypatch.setattr(sys, "abiflags", "t")
    monkeypatch.setattr(sys, "gettotalrefcount", None, raising=False)
    monkeypatch.setattr(sys, "version", "3.15.0+ (main)")
    assert identity() == "3.15.0+ free-threaded debug"


@pytest.mark.parametrize("module", [program, canonical_marshal])
def test_it_imports_what_is_built_in_alone(module: object) -> None:
    text = Path(str(module.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    names = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    always = {"_frozen_importlib_external", "_imp", "_io", "_signal", "_thread", "gc", "marshal", "posix", "sys"}

    assert names - {"__future__"} <= always
