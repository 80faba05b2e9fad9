from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from onedigest.bytecode.choose import Way, find_interpreter, installed, running
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError, NetworkError, OnedigestError

VERSION = sys.version.split()[0]
RIGHT = installed(sys.executable, VERSION, {}, "the running")


def fails(error: OnedigestError) -> Callable[[], Interpreter]:
    def find() -> Interpreter:
        raise error

    return find


def says(folder: Path, version: str) -> Interpreter:
    """Return what says that it is CPython of a version, and is none."""
    program = folder / f"python-{version}"
    program.write_text(f"#!/bin/sh\necho onedigest-python cpython {version} False False\n")
    program.chmod(0o755)
    return installed(str(program), VERSION, {}, "a lying")


def refusal(version: str, *ways: Way) -> OnedigestError:
    with pytest.raises(OnedigestError) as raised:
        find_interpreter(version, ways)
    return raised.value


def test_the_first_way_that_leads_to_one_is_taken() -> None:
    ways = (
        Way(name="first", find=fails(InputError.of("gone"))),
        Way(name="second", find=lambda: RIGHT),
        Way(name="third", find=fails(AssertionError())),  # type: ignore[arg-type]  # it is not asked
    )

    assert find_interpreter(VERSION, ways) == RIGHT


def test_one_of_another_version_or_with_other_bytecode_is_passed_over(tmp_path: Path) -> None:
    broken = replace(RIGHT, command=("/gone/python",))
    others = (says(tmp_path, "3.0.1"), says(tmp_path, VERSION), broken)
    ways = [Way(name="x", find=partial(replace, each)) for each in others]

    assert find_interpreter(VERSION, [*ways, Way(name="right", find=lambda: RIGHT)]) == RIGHT


def test_one_between_two_releases_is_of_neither(tmp_path: Path) -> None:
    """Machines that have the release would give other bytes than those with nothing but such a base."""
    found = says(tmp_path, f"{VERSION}+")

    assert (
        refusal(VERSION, Way(name="own", find=lambda: found)).problems[0].message.endswith(f"\n  own: it is {VERSION}+")
    )


def test_all_that_was_tried_is_said(tmp_path: Path) -> None:
    error = refusal(
        VERSION,
        Way(name="the running Python", find=fails(InputError.of("it is 3.1.4"))),
        Way(name="uv", find=lambda: says(tmp_path, "3.0.1")),
        Way(name="the base's own", find=fails(InputError.of("its library 'a' is not there"))),
    )

    assert isinstance(error, InputError)
    assert str(error) == (
        f"bytecode needs CPython {VERSION}, and no way leads to one:\n"
        "  the running Python: it is 3.1.4\n"
        "  uv: it is 3.0.1\n"
        "  the base's own: its library 'a' is not there\n"
        f"hint: install it by `uv python install {VERSION}`, or write `bytecode = false` in [tool.onedigest]"
    )


def test_where_the_network_alone_lacks_that_is_the_error() -> None:
    error = refusal(
        "3.1.4",
        Way(name="the base's own", find=fails(NetworkError.of("it is away\ncause: dns", hint="check the network"))),
        Way(name="uv", find=fails(InputError.of("it has none to bring"))),
    )

    assert isinstance(error, NetworkError)
    assert str(error) == (
        "bytecode needs CPython 3.1.4, and no way leads to one:\n"
        "  the base's own: it is away\n"
        "    cause: dns\n"
        "  uv: it has none to bring\n"
        "hint: check the network, or write `bytecode = false` in [tool.onedigest]"
    )


def test_what_is_no_fault_of_an_interpreter_ends_the_search() -> None:
    with pytest.raises(OSError, match="full"):
        find_interpreter(VERSION, [Way(name="a", find=fails(OSError("full"))), Way(name="b", find=lambda: RIGHT)])  # type: ignore[arg-type]  # no error of ours


def test_the_running_python_is_taken_if_it_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert running(VERSION, {"SECRET": "x", "LD_LIBRARY_PATH": "/lib"}) == Interpreter(
        command=(sys.executable,),
        variables=(("PYTHONDONTWRITEBYTECODE", "1"), ("LD_LIBRARY_PATH", "/lib")),
        version=VERSION,
        origin="the running",
    )
    with pytest.raises(InputError, match=f"^it is {VERSION}$"):
        running("3.1.4", {})
    monkeypatch.setattr(sys.implementation, "name", "pypy")
    with pytest.raises(InputError, match=r"^it is pypy, and not CPython$"):
        running(VERSION, {})
