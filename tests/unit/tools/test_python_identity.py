from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from onedigest.tools.python_identity import own_version, read_version


def python(folder: Path, text: str) -> str:
    """Write a program that is called as a Python is."""
    program = folder / "python3.13"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(program)


def refusal(command: str, seconds: float = 5) -> str:
    with pytest.raises(ValueError, match=r"^it ") as raised:
        read_version([command], {}, seconds)
    return str(raised.value)


def test_a_python_says_its_version() -> None:
    assert read_version([sys.executable], {}) == own_version() == sys.version.split()[0]


def test_what_is_no_usual_cpython_is_refused(tmp_path: Path) -> None:
    def says(words: str) -> str:
        return refusal(python(tmp_path, f"echo Welcome; echo onedigest-python {words}"))

    assert says("pypy 3.11.13 False False") == "it is pypy, and not CPython"
    assert says("cpython 3.13.5 True False") == "it is a debug build of CPython 3.13.5"
    assert says("cpython 3.13.5 False True") == "it is a free-threaded build of CPython 3.13.5"
    assert says("cpython 3.13.5") == "it does not start: Welcome onedigest-python cpython 3.13.5"


def test_a_version_between_two_releases_is_told_apart(tmp_path: Path) -> None:
    program = python(tmp_path, "echo onedigest-python cpython 3.13.5+ False False")

    assert read_version([program], {}) == "3.13.5+"


def test_the_running_python_is_told_apart_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version", "3.14.0rc1 (main)")
    assert own_version() == "3.14.0rc1"
    monkeypatch.setattr(sys, "version", "3.14.0 free-threading build (main)")
    with pytest.raises(ValueError, match=r"^it is a free-threaded build of CPython 3\.14\.0$"):
        own_version()


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    shim = "echo 'pyenv: python3.13: command not found' >&2; exit 127"

    assert refusal(python(tmp_path, shim)) == "it does not start: pyenv: python3.13: command not found"
    assert refusal(python(tmp_path, "exit 0")) == "it does not start: it says nothing"
    assert refusal(str(tmp_path / "gone")) == "it does not start: No such file or directory"
    assert refusal(str(tmp_path)) == "it does not start: Permission denied"


def test_what_never_ends_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = python(tmp_path, f"(sleep 1; touch {mark}) & sleep 100")
    begun = time.monotonic()

    assert refusal(program, 0.2) == "it does not answer in 0.2 seconds"

    assert time.monotonic() - begun < 1
    time.sleep(1.2)
    assert not mark.exists()


def test_endless_words_are_not_waited_for(tmp_path: Path) -> None:
    assert refusal(python(tmp_path, "yes token=hunter2secret")).startswith("it does not start: ")


def test_it_gets_the_variables_that_are_given_alone(tmp_path: Path) -> None:
    program = python(tmp_path, 'echo onedigest-python cpython "$SECRET$GIVEN" False False')

    assert read_version([program], {"GIVEN": "3.13.5"}) == "3.13.5"
