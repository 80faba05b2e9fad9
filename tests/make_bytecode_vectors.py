"""Writes the vectors of bytecode format 1 anew: what each interpreter that is named makes of each source.

    python tests/make_bytecode_vectors.py PYTHON...

A name may be a command of several words, after the variables that it needs: `PYTHONHOME=base/usr base/ld.so …`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import subprocess
import sys
from collections import defaultdict
from typing import Any

import pytest

from bytecode_sources import LEFT_OUT, SOURCES
from conftest import VECTORS
from onedigest.bytecode.compiler import Compiler, NotCompiled
from onedigest.bytecode.interpreter import Interpreter

FILE = VECTORS / "bytecode" / "vectors.json"
LONGEST_SHOWN = 1000


def interpreter_of(words: str) -> Interpreter:
    """Return the interpreter that a command starts."""
    command = shlex.split(words)
    variables = []
    while "=" in command[0]:
        name, _, value = command.pop(0).partition("=")
        variables.append((name, value))
    question = [*command, "-S", "-c", "import sys; print(sys.version.partition(' ')[0])"]
    version = subprocess.run(question, env=dict(variables), check=True, capture_output=True, text=True).stdout.strip()
    return Interpreter(command=tuple(command), variables=tuple(variables), version=version, origin="this")


def path_of(name: str) -> str:
    return f"/opt/venv/lib/{name}.py"


def compiled(interpreters: list[Interpreter]) -> dict[str, dict[str, str]]:
    """Return the sha256 of each source by releases that share it, such as `3.11.2 3.11.7`."""
    found: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in SOURCES}
    for interpreter in interpreters:
        with Compiler(interpreter) as compiler:
            for name, (since, source) in SOURCES.items():
                if int(interpreter.version.split(".")[1]) >= since:
                    content = compiler.compile(path_of(name), source)
                    found[name][hashlib.sha256(content).hexdigest()].append(interpreter.version)
    return {name: {" ".join(versions): sha256 for sha256, versions in by_sum.items()} for name, by_sum in found.items()}


def left_out(interpreters: list[Interpreter]) -> dict[str, list[str]]:
    """Return why each source is left out: what stands before the colon, of which releases have their own."""
    found: dict[str, set[str]] = defaultdict(set)
    for interpreter in interpreters:
        with Compiler(interpreter) as compiler:
            for name, source in LEFT_OUT.items():
                with pytest.raises(NotCompiled) as caught:
                    compiler.compile(path_of(name), source)
                found[name].add(caught.value.reason.partition(":")[0])
    return {name: sorted(reasons) for name, reasons in found.items()}


def shown(source: bytes) -> dict[str, Any]:
    try:
        return {"source": source.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(source).decode()}


def main(commands: list[str]) -> None:
    interpreters = sorted(map(interpreter_of, commands), key=lambda each: tuple(map(int, each.version.split("."))))
    sums, reasons = compiled(interpreters), left_out(interpreters)
    document = {
        "format": 1,
        "compiled": [{"path": path_of(name), **shown(SOURCES[name][1]), "sha256": sums[name]} for name in SOURCES],
        "left-out": [
            {"path": path_of(name), **(shown(source) if len(source) < LONGEST_SHOWN else {}), "reasons": reasons[name]}
            for name, source in LEFT_OUT.items()
        ],
    }
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
