"""Bytecode is the same bytes whatever a process did before, and on each interpreter that is here, those of the vectors."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import make_bytecode_vectors
from bytecode_sources import LEFT_OUT, SOURCES
from conftest import VECTORS
from onedigest.bytecode.compiler import Compiler, NotCompiled
from onedigest.bytecode.interpreter import Interpreter
from pythons import interpreters

DATA = json.loads((VECTORS / "bytecode" / "vectors.json").read_text(encoding="utf-8"))
COMPILED: list[dict[str, Any]] = DATA["compiled"]
MODULES = ("ast", "dataclasses", "enum", "locale", "pathlib", "typing")
SEVERAL = 4


def installed() -> list[Interpreter]:
    return [make_bytecode_vectors.interpreter_of(command) for command in interpreters()]


def source_of(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["base64"]) if "base64" in case else str(case["source"]).encode()


def expected(case: dict[str, Any], version: str) -> set[str]:
    """Return what a case becomes; for a release that no vector names, what it becomes on some release of its minor."""
    by_release = {each: sha256 for releases, sha256 in case["sha256"].items() for each in releases.split()}
    minor = f"{version.rpartition('.')[0]}."
    return {by_release.get(version) or sha256 for each, sha256 in by_release.items() if each.startswith(minor)}


def compile_all(interpreter: Interpreter, sources: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    with Compiler(interpreter) as compiler:
        return {path: hashlib.sha256(compiler.compile(path, source)).hexdigest() for path, source in sources}


def library() -> list[tuple[str, bytes]]:
    folder = Path(sysconfig.get_path("stdlib"))
    files = [
        file for name in MODULES for file in (folder / f"{name}.py", folder / name / "__init__.py") if file.is_file()
    ]
    return [(f"/usr/lib/python3/{file.name}", file.read_bytes()) for file in files]


@pytest.mark.parametrize("interpreter", installed(), ids=lambda each: each.version)
def test_each_interpreter_gives_the_bytes_of_the_vectors(interpreter: Interpreter) -> None:
    known = {version for case in COMPILED for releases in case["sha256"] for version in releases.split()}
    cases = {case["path"]: case for case in COMPILED if expected(case, interpreter.version)}
    found = compile_all(interpreter, [(path, source_of(case)) for path, case in cases.items()])
    odd = [path for path, sha256 in found.items() if sha256 not in expected(cases[path], interpreter.version)]

    assert len(cases) > 40
    assert len(odd) <= (0 if interpreter.version in known else 10), odd
    with Compiler(interpreter) as compiler:
        for case, source in zip(DATA["left-out"], LEFT_OUT.values(), strict=True):
            with pytest.raises(NotCompiled) as caught:
                compiler.compile(case["path"], source)
            assert caught.value.reason.partition(":")[0] in case["reasons"]


def test_vectors_hold_the_sources_of_the_tests() -> None:
    assert [source_of(case) for case in COMPILED] == [source for _, source in SOURCES.values()]
    assert [case["path"] for case in DATA["left-out"]] == [make_bytecode_vectors.path_of(name) for name in LEFT_OUT]


def test_order_hash_seed_and_processes_have_no_part() -> None:
    sources = library()
    own = installed()[0]
    seeded = [
        Interpreter(command=own.command, variables=(("PYTHONHASHSEED", seed),), version=own.version, origin="this")
        for seed in ("0", "7", "random")
    ]
    first = compile_all(own, sources)

    assert [compile_all(each, sources[::-1]) == first for each in seeded] == [True] * 3
    with ThreadPoolExecutor(SEVERAL) as pool:
        parts = pool.map(lambda source: compile_all(own, [source]), sources)
        assert {path: sha256 for part in parts for path, sha256 in part.items()} == first


def test_what_else_refers_to_a_value_has_no_part(tmp_path: Path) -> None:
    """The streams of CPython differ here, and the files do not: else this would prove nothing."""
    source = b"a = 'one two', 1000000, b'three', (4, 5.5)\ndef f(): return 'one two', (4, 5.5)\n"
    own = installed()[0]
    kept = tmp_path / "kept.py"
    lines = ("import builtins, sys", "real, kept = compile, []", "def compile(*a, **k):", " c = real(*a, **k)")
    rest = (" kept.extend([c, c.co_consts, *c.co_consts, *c.co_consts[0]])", " return c", "builtins.compile = compile")
    kept.write_text("\n".join((*lines, *rest, "exec(sys.argv[-1])")))
    other = Interpreter(command=(*own.command, str(kept)), variables=(), version=own.version, origin="this")
    show = "import marshal, sys; c = compile(sys.stdin.buffer.read(), '/a.py', 'exec'); {}print(marshal.dumps(c).hex())"
    streams = {
        subprocess.run([*own.command, "-c", show.format(more)], input=source, capture_output=True, check=True).stdout
        for more in ("", "kept = [*c.co_consts, *c.co_consts[0]]; ")
    }

    assert len(streams) == 2
    assert compile_all(own, [("/a.py", source)]) == compile_all(other, [("/a.py", source)])


def test_names_of_files_are_plain() -> None:
    assert all(re.fullmatch(r"/opt/venv/lib/[a-z0-9.-]+\.py", case["path"]) for case in COMPILED)
