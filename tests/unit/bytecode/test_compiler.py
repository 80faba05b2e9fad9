"""Interpreters that compile: what they are asked, when they are not used, and what happens when one falls over."""

from __future__ import annotations

import importlib.util
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from onedigest.bytecode import compiler as compiler_module
from onedigest.bytecode import known_answers, program
from onedigest.bytecode.canonical_marshal import canonical
from onedigest.bytecode.compiler import Compiler, NotCompiled, Unproven, prove, tokens
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError

VERSION = sys.version.split()[0]
OWN = Interpreter(command=(sys.executable,), variables=(), version=VERSION, origin="the running")
A = b"a = 1\n"


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler(OWN) as running:
        yield running


def changed(folder: Path, *lines: str) -> Interpreter:
    """Return an interpreter in which some lines are executed before it does anything."""
    file = folder / "changed.py"
    file.write_text("\n".join(("import builtins, os, signal, sys, time", *lines, "exec(sys.argv[-1])")))
    return Interpreter(command=(sys.executable, str(file)), variables=(), version=VERSION, origin="a changed")


def process_of(compiler: Compiler) -> subprocess.Popen[bytes]:
    assert compiler._process
    return compiler._process


def test_a_source_becomes_its_compiled_file(compiler: Compiler) -> None:
    assert (program.COMPILED, compiler.compile("/a.py", A)) == program.answer(b"U", "/a.py", A, canonical)
    assert (program.COMPILED, compiler.compile("/a.py", A, checked=True)) == program.answer(b"C", "/a.py", A, canonical)


def test_one_interpreter_compiles_all(compiler: Compiler) -> None:
    before = process_of(compiler).pid
    with pytest.raises(NotCompiled, match=r"^SyntaxError: invalid syntax, line 1$"):
        compiler.compile("/a.py", b"a =\n")

    assert compiler.compile("/é/ﬁ.py", A) != compiler.compile("/b.py", A)
    assert process_of(compiler).pid == before


def test_python_runs_it_without_the_source(compiler: Compiler, tmp_path: Path) -> None:
    source = b"print(__file__, __cached__)\n"
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "a.py").write_bytes(b"another source\n")  # unchecked: it is not read
    file = Path(importlib.util.cache_from_source(str(tmp_path / "a.py"), optimization=""))
    file.write_bytes(compiler.compile(str(tmp_path / "a.py"), source))
    done = subprocess.run([sys.executable, "-c", "import a"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout == f"{tmp_path}/a.py {file}\n"


def test_sources_larger_than_pipes(compiler: Compiler) -> None:
    source = b"a = '%s'\n" % os.urandom(2 << 20).hex().encode()

    assert len(compiler.compile("/a.py", source)) > len(source)


def test_what_is_too_large_is_not_even_asked(compiler: Compiler) -> None:
    with pytest.raises(NotCompiled, match=r"^it has more than 8 MiB$"):
        compiler.compile("/a.py", b"#" * (8 << 20) + b"\n")
    with pytest.raises(NotCompiled, match=r"^it has more than 1,000,000 words and marks$"):
        compiler.compile("/a.py", b"a,b," * 260_000)


def test_words_and_marks_are_counted() -> None:
    assert tokens(b"""f("word": 1, 'x')  # no\tnumber\n\x0c\x0b""") == 12
    assert tokens(b"") == tokens(b" \n\t") == 0
    assert tokens(b"''" * 10) == 5
    assert tokens(b"\\x00" * 10) == tokens("é".encode()) == 1


def test_a_path_is_text(compiler: Compiler) -> None:
    with pytest.raises(NotCompiled, match=r"^its path is no text$"):
        compiler.compile("/\udcff.py", A)


def test_a_crash_costs_one_source(tmp_path: Path) -> None:
    interpreter = changed(
        tmp_path,
        "real = compile",
        "def crash(text, *a, **k):",
        "    b'CRASH' in text and os.abort()",
        "    return real(text, *a, **k)",
        "builtins.compile = crash",
    )
    with Compiler(interpreter) as compiler:
        content = compiler.compile("/a.py", A)
        with pytest.raises(NotCompiled, match=r"^the compiler crashed \(SIGABRT\)$") as caught:
            compiler.compile("/a.py", b"CRASH\n")
        assert caught.value.unusual
        assert compiler.compile("/a.py", A) == content


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", " (SIGKILL)"),
        ("os.kill(os.getpid(), 15)", " (SIGTERM)"),
        ("os._exit(1)", ""),
    ],
)
def test_what_ends_a_compiler_from_outside_leaves_no_source_out(tmp_path: Path, end: str, how: str) -> None:
    """A kernel whose memory is full kills it: another machine would compile the source, and have another image."""
    lines = [
        "real = compile",
        f"builtins.compile = lambda text, *a, **k: (b'END' in text and {end}, real(text, *a, **k))[1]",
    ]
    with Compiler(changed(tmp_path, *lines)) as compiler:
        content = compiler.compile("/a.py", A)
        with pytest.raises(InputError) as caught:
            compiler.compile("/a.py", b"END\n")
        assert compiler.compile("/a.py", A) == content
    assert str(caught.value) == (
        f"/a.py: the compiler was ended{how} before it was done\n"
        "hint: free memory, if that was the reason, and run this again;"
        " `bytecode = false` builds the image without compiled files"
    )


def test_a_source_that_takes_too_long_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "builtins.compile = lambda text, *a, **k: (b'SLOW' in text and time.sleep(60), real(text, *a, **k))[1]"
    with Compiler(changed(tmp_path, "real = compile", slow)) as compiler:
        process = process_of(compiler)
        monkeypatch.setattr(compiler_module, "LONGEST", 0.2)
        with pytest.raises(InputError) as caught:
            compiler.compile("/usr/lib/a.py", b"SLOW\n")
        assert process.poll() is not None
    hint = "hint: `bytecode = false` builds the image without compiled files"
    assert str(caught.value) == f"/usr/lib/a.py: compiling it takes more than 0.2 seconds\n{hint}"


def test_a_source_that_needs_too_much_memory_is_an_error(tmp_path: Path) -> None:
    much = "builtins.compile = lambda text, *a, **k: (b'MUCH' in text and bytearray(5 << 30), real(text, *a, **k))[1]"
    lines = ["real = compile", much, "sys.version_info = (3, 12)"]
    with Compiler(changed(tmp_path, *lines)) as compiler, pytest.raises(InputError) as caught:
        compiler.compile("/a.py", b"MUCH\n")
    hint = "hint: `bytecode = false` builds the image without compiled files"
    assert str(caught.value) == f"/a.py: compiling it takes more than 4 GiB of memory\n{hint}"


def test_an_interrupt_leaves_no_answer_behind(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    before = process_of(compiler)
    with monkeypatch.context() as patch:
        patch.setattr(compiler_module, "_read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compiler.compile("/b.py", b"b = 2\n")

    assert before.poll() is not None
    assert compiler.compile("/a.py", A) == program.answer(b"U", "/a.py", A, canonical)[1]


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    lines = (
        f"import os, sys; sys.path.insert(0, {str(ROOT / 'generator')!r})",
        "from onedigest.bytecode.compiler import Compiler",
        "from onedigest.bytecode.interpreter import Interpreter",
        f"c = Compiler(Interpreter(command=({sys.executable!r},), variables=(), version={VERSION!r}, origin=''))",
        "c.__enter__(); print(c._process.pid, flush=True); os.kill(os.getpid(), 9)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    descriptor = os.pidfd_open(int(done.stdout)) if Path(f"/proc/{int(done.stdout)}/stat").exists() else -1
    if descriptor >= 0:
        import select

        assert select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)
    assert done.returncode == -9


def test_nothing_of_its_surroundings_is_read(
    compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = compiler.compile("/a.py", A)
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.compile = None")
    (tmp_path / "encodings.py").write_text("odd")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONNODEBUGRANGES", "1")
    with Compiler(OWN) as other:
        assert other.compile("/a.py", A) == content


def test_what_is_printed_comes_not_among_the_answers(tmp_path: Path) -> None:
    prints = "builtins.compile = lambda *a, **k: (print('odd', flush=True), os.write(1, b'odd'), real(*a, **k))[2]"
    with Compiler(changed(tmp_path, "real = compile", prints)) as compiler:
        assert compiler.compile("/a.py", A) == program.answer(b"U", "/a.py", A, canonical)[1]


def test_the_running_interpreter_is_proven() -> None:
    prove(OWN)
    assert known_answers.answer_of(VERSION)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["sys.version = '3.11.99 (main)'"], f"a changed Python {VERSION} is '3.11.99'"),
        (["sys.abiflags = 't'"], f"a changed Python {VERSION} is '{VERSION} free-threaded'"),
        (["sys.gettotalrefcount = None"], f"a changed Python {VERSION} is '{VERSION} debug'"),
        (["sys.implementation.name = 'pypy'"], f"a changed Python {VERSION} is '{VERSION} pypy'"),
        (["sys.exit(3)"], f"a changed Python {VERSION} ends at its start"),
        (["os.abort()"], f"a changed Python {VERSION} ends at its start (SIGABRT)"),
        (["os.write(1, b'hello')", "os._exit(0)"], f"a changed Python {VERSION} ends at its start"),
        (["os.write(1, b'I' + bytes(4))", "time.sleep(9)"], f"a changed Python {VERSION} is ''"),
        (
            ["sys.modules['unicodedata'] = None"],
            f"a changed Python {VERSION} does not compile what each CPython does: "
            "ModuleNotFoundError: import of unicodedata halted; None in sys.modules",
        ),
        (
            ["real = compile", "builtins.compile = lambda *a, **k: real(*a, **{**k, 'optimize': 2})"],
            f"a changed Python {VERSION} gives other bytecode than bytecode format 1 has",
        ),
    ],
)
def test_an_interpreter_that_is_another_is_not_used(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(Unproven, match=f"^{re.escape(message)}$"):
        prove(changed(tmp_path, *lines))


def test_a_program_that_cannot_be_started_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for name, why in (("none", "No such file or directory"), ("text", "Permission denied")):
        interpreter = Interpreter(command=(str(tmp_path / name),), variables=(), version="3.13.5", origin="uv's")
        with pytest.raises(Unproven, match=f"^uv's Python 3.13.5 cannot be started: {why}$"):
            prove(interpreter)


def test_a_program_that_does_not_read_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler_module, "LONGEST", 0.3)
    with pytest.raises(Unproven, match=f"^a changed Python {VERSION} gives no answer within 0.3 seconds$"):
        prove(changed(tmp_path, "time.sleep(60)"))


def test_a_minor_without_an_answer_is_held_to_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(known_answers, "ANSWERS", {})
    prove(OWN)
    lines = ("import marshal", "real = marshal.loads")
    with pytest.raises(Unproven, match=r"does not compile what each CPython does: it is read as other code$"):
        prove(changed(tmp_path, *lines, "marshal.loads = lambda stream: 1 if b'known.py' in stream else real(stream)"))


def test_known_answers_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "formats" / "bytecode.md").read_text(encoding="utf-8")

    assert dict(re.findall(r"\| (3\.\d+) \| `([0-9a-f]{64})` \|", page)) == known_answers.ANSWERS


def test_reasons_and_interpreters_go_to_other_processes() -> None:
    error = pickle.loads(pickle.dumps(NotCompiled("why", unusual=True)))

    assert [str(error.reason), error.unusual] == ["why", True]
    assert pickle.loads(pickle.dumps(OWN)) == OWN
