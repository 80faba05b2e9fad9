"""What keeps Python from reading the bytecode of an image is said when its script is locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from full_case import LOCK, SPEC
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec
from onedigest.errors import Problem
from onedigest.lock.base.account import Account
from onedigest.lock.base.image import ImageBase
from onedigest.lock.model import Lock
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.unused_bytecode import warn_of_unused
from unit.plan.test_base_folders import with_image

PLAIN = replace(SPEC, env=(), expand_env=(), entrypoint=("/opt/venv/bin/python", "/app/x.py"), usual_entrypoint=False)
PLAIN = replace(PLAIN, args=(), bytecode=True)
NAME = "has Python look for bytecode by another name, so that of the image is never read,"
FOLDER = "has Python look for bytecode in another folder, so that of the image is never read,"
COMPILES = "and every start compiles what it imports"
TEXT = b"""# /// script
# dependencies = []
# [tool.onedigest]
# base = "x"
# entrypoint = ["python"]
# env.PYTHONOPTIMIZE = "1"
# ///
"""


def said(spec: Spec, lock: Lock = LOCK) -> list[str]:
    found: list[Problem] = []
    script = parse(TEXT, "app.py")
    warn_of_unused(ScriptImage(script=script, spec=spec, script_folder=Path(), folder=Path(), warn=found.append), lock)
    return [str(each) for each in found]


def starts(*command: str) -> list[str]:
    return [text.partition(": ")[2].partition(" has ")[0] for text in said(replace(PLAIN, entrypoint=command))]


def test_variable_of_the_script_is_named_with_its_line() -> None:
    assert said(replace(PLAIN, env=(("PYTHONOPTIMIZE", "2"), ("PYTHONPYCACHEPREFIX", "/tmp")))) == [
        f"app.py:6: `PYTHONOPTIMIZE` {NAME} {COMPILES}\nhint: leave it out, or set `bytecode = false`",
        f"app.py:3: `PYTHONPYCACHEPREFIX` {FOLDER} {COMPILES}\nhint: leave it out, or set `bytecode = false`",
    ]


def test_variable_of_the_base_is_named_with_what_undoes_it() -> None:
    lock = with_image(has_workdir=True, account=Account(home="/home/me", has_home=True))
    assert isinstance(lock.base, ImageBase)
    images = tuple(replace(each, env=("PYTHONOPTIMIZE=1",)) for each in lock.base.images)
    lock = replace(lock, base=replace(lock.base, images=images))

    assert said(PLAIN, lock) == [
        f"app.py:4: `PYTHONOPTIMIZE` of {lock.base.reference} {NAME} {COMPILES}\n"
        'hint: set `PYTHONOPTIMIZE = ""` in `env`, or set `bytecode = false`'
    ]
    assert said(replace(PLAIN, env=(("PYTHONOPTIMIZE", ""),)), lock) == []


def test_option_is_named_with_the_line_of_the_entrypoint() -> None:
    assert said(replace(PLAIN, args=("-O",), entrypoint=("python3.13",))) == [
        f"app.py:5: `-O` {NAME} {COMPILES}\nhint: leave it out, or set `bytecode = false`"
    ]
    assert said(replace(PLAIN, entrypoint=("python", "-X", "pycache_prefix=/x", "a.py"))) == [
        f"app.py:5: `-X pycache_prefix=/x` {FOLDER} {COMPILES}\nhint: leave it out, or set `bytecode = false`"
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("python", "-OO", "x.py"), ["`-O`"]),
        (("/usr/bin/python3", "-uO", "-m", "x"), ["`-O`"]),
        (("python", "-W", "error", "-O", "x.py"), ["`-O`"]),
        (("python", "-Xpycache_prefix=/x", "-c", "pass"), ["`-X pycache_prefix=/x`"]),
        (("tini", "--", "python", "-O", "x.py"), ["`-O`"]),
        (("sh", "-c", "cd /srv && exec python3 -O x.py"), ["`-O`"]),
        (("/bin/bash", "-c", "echo 'unclosed; python -O x.py"), ["`-O`"]),
        (("env", "PYTHONOPTIMIZE=1", "python", "x.py"), ["`PYTHONOPTIMIZE=1`"]),
        (("python", "x.py", "-O"), []),
        (("python", "-c", "import x", "-O"), []),
        (("python", "-mx", "-O"), []),
        (("python", "-WO", "x.py"), []),
        (("python", "-X", "O", "-X", "pycache_prefix", "-Xpycache_prefix=", "x.py"), []),
        (("python", "--check-hash-based-pycs", "-O", "x.py"), []),
        (("python", "-", "-O"), []),
        (("gcc", "-O", "x.c"), []),
        ((), []),
    ],
)
def test_options_are_those_of_python(command: tuple[str, ...], expected: list[str]) -> None:
    assert starts(*command) == expected


@pytest.mark.parametrize(
    ("name", "value", "counts"),
    [
        ("PYTHONOPTIMIZE", "yes", True),
        ("PYTHONOPTIMIZE", "-1", True),
        ("PYTHONOPTIMIZE", "0", False),
        ("PYTHONOPTIMIZE", " 00", False),
        ("PYTHONOPTIMIZE", "", False),
        ("PYTHONPYCACHEPREFIX", "0", True),
        ("PYTHONPYCACHEPREFIX", "", False),
        ("PYTHONDONTWRITEBYTECODE", "1", False),
        ("PYTHONNODEBUGRANGES", "1", False),
    ],
)
def test_values_count_as_for_python(name: str, value: str, counts: bool) -> None:
    assert bool(said(replace(PLAIN, env=((name, value),)))) == counts


@pytest.mark.parametrize("option", ["-I", "-E", "-uE"])
def test_python_that_ignores_variables_is_left_alone(option: str) -> None:
    spec = replace(PLAIN, env=(("PYTHONOPTIMIZE", "1"),), entrypoint=("python", option, "x.py"))

    assert said(spec) == []


def test_image_without_bytecode_is_left_alone() -> None:
    assert said(replace(PLAIN, bytecode=False, env=(("PYTHONOPTIMIZE", "1"),))) == []
