"""The process that Flyte's builder starts: it passes an answer on, and ends what works for nobody any more."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from onedigest.flyte_plugin import child, worker


@pytest.fixture
def caller() -> Iterator[int]:
    """The end of the pipe that whoever wants the answer holds; the other is stdin."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    own, (reading, writing) = os.dup(0), os.pipe()
    os.dup2(reading, 0)
    yield writing
    os.dup2(own, 0)
    for handle in (own, reading, writing):
        with suppress(OSError):
            os.close(handle)
    for each, handler in before.items():
        signal.signal(each, handler)


def answered(monkeypatch: pytest.MonkeyPatch, answer: Callable[[bytes], dict[str, str]]) -> dict[str, str]:
    monkeypatch.setattr(worker, "answer_line", answer)
    found: dict[str, str] = json.loads(child._worked(b"{}\n", os.getppid(), []))
    return found


@pytest.mark.usefixtures("caller")
def test_answer_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 200_000

    assert answered(monkeypatch, lambda request: {"reference": f"{request.decode()}{long}"}) == {
        "reference": "{}\n" + long
    }


@pytest.mark.usefixtures("caller")
def test_what_is_printed_is_no_answer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def answer(_: bytes) -> dict[str, str]:
        os.write(1, b"words of a program\n")
        return {"reference": "x"}

    assert answered(monkeypatch, answer) == {"reference": "x"}
    assert capfd.readouterr() == ("", "words of a program\n")


@pytest.mark.usefixtures("caller")
def test_worker_that_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_: bytes) -> dict[str, str]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    assert answered(monkeypatch, answer) == {
        "error": "the build was ended by signal 9; it may have had too little memory"
    }


def test_worker_ends_when_nobody_wants_its_answer(monkeypatch: pytest.MonkeyPatch, caller: int) -> None:
    def answer(_: bytes) -> dict[str, str]:
        os.close(caller)  # as a copy of the caller's end, which a fork has
        time.sleep(60)
        return {"reference": "x"}

    watch = child._watch

    def closed(process: int, reading: int, parent: int) -> tuple[bytes, int]:
        os.close(caller)
        return watch(process, reading, parent)

    monkeypatch.setattr(child, "_watch", closed)

    assert answered(monkeypatch, answer) == {"error": "the build was ended by signal 2"}


def test_worker_ends_when_its_parent_is_another(monkeypatch: pytest.MonkeyPatch, caller: int) -> None:
    def answer(_: bytes) -> dict[str, str]:
        time.sleep(60)
        return {"reference": "x"}

    monkeypatch.setattr(worker, "answer_line", answer)

    assert caller
    assert json.loads(child._worked(b"{}\n", -1, [])) == {"error": "the build was ended by signal 2"}
