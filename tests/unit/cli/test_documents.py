"""A call with --json prints one document, whatever happens."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from make_documents import check_document
from onedigest.cli import run
from onedigest.errors import InputError, Problem
from onedigest.workspace.context import Context

HEAD: dict[str, Any] = {"format": 1, "warnings": []}


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def find(context: Context, *_: object, **__: object) -> NoReturn:
        context.warn([Problem("the base is old", "app.py:1")])
        raise error

    return find


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("build --bogus --json", "No such option '--bogus'."),
        ("graph --json", "Missing argument 'NAME'."),
        ("buidl --json", "No such command 'buidl'"),
        ("--json", "No such option '--json'."),
        ("schema --json nothing", "Invalid value for '[[pyproject|onedigest|script]]'"),
        ("run --json", "Missing argument 'NAME'."),
    ],
)
def test_wrong_call_is_a_document(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(words.split())
    said = capsys.readouterr()
    document = json.loads(said.out)

    check_document(words.split(), code, said.out)
    assert code == 2
    assert len(document["errors"]) == 1
    assert document["errors"][0]["message"] in said.err
    assert message.split("'", maxsplit=1)[0] in document["errors"][0]["message"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError.of("no such lock"), 1, "no such lock"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("x"), 70, None),
    ],
)
def test_failure_is_a_document_with_the_warnings_before_it(
    error: BaseException,
    code: int,
    message: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("onedigest.cli.fetch.find_images", failing(error))
    assert run(["fetch", "--json", "-q", "app"]) == code
    document = json.loads(capsys.readouterr().out)

    assert document["warnings"] == [{"message": "the base is old", "where": "app.py:1", "hint": ""}]
    assert (document["format"], document["exit_code"]) == (1, code)
    assert len(document["errors"]) == 1
    assert document["errors"][0]["message"] == message or message is None


def test_signal_is_a_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("onedigest.cli.fetch.find_images", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    assert run(["fetch", "--json", "app"]) == 143

    assert json.loads(capsys.readouterr().out) == {
        **HEAD,
        "errors": [{"message": "interrupted", "where": "", "hint": ""}],
        "exit_code": 143,
    }


def test_words_of_a_program_ask_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["run", "app", "--json"], ["run", "app", "--", "--json"], ["build", "--", "--json"]):
        assert run(words) == 1
        assert capsys.readouterr().out == ""


def test_a_schema_is_printed_alone_and_in_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "script"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert run(["schema", "script", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {**HEAD, "errors": [], "file": "script", "schema": alone}
