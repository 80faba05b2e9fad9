"""What a notebook shows below its cell: lines of their own, and one that is written over."""

from __future__ import annotations

import logging

import pytest

from onedigest.errors import Problem
from onedigest.workspace.notebook import NotebookEvents, notebook_events


class FakeLine:
    """A line, with all that was ever in it."""

    def __init__(self, text: str) -> None:
        self.texts = [text]

    def update(self, value: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.texts.append(value["text/plain"])


class FakeCell:
    """What is below a cell."""

    def __init__(self) -> None:
        self.lines: list[FakeLine] = []

    def display(self, text: str) -> FakeLine:
        self.lines.append(FakeLine(text))
        return self.lines[-1]

    @property
    def texts(self) -> list[list[str]]:
        return [each.texts for each in self.lines]


@pytest.fixture
def cell() -> FakeCell:
    return FakeCell()


def test_words_have_lines_of_their_own(cell: FakeCell) -> None:
    events = NotebookEvents(cell.display)
    events.said("hello: locked")
    events.noticed("waiting")

    assert cell.texts == [["hello: locked"], ["waiting"]]


def test_progress_is_one_line_that_ends_with_all_that_came(cell: FakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with NotebookEvents(cell.display).progress("numpy", 3000) as progress:
        progress.advance(1000)
        progress.advance(500)  # at once: not worth a message to the browser
        now[0] += 1
        progress.advance(500)
        progress.advance(1000)

    assert cell.texts == [["numpy: 1.0 kB of 3.0 kB", "numpy: 2.0 kB of 3.0 kB", "numpy: 3.0 kB of 3.0 kB"]]


def test_progress_of_nothing_shows_nothing(cell: FakeCell) -> None:
    with NotebookEvents(cell.display).progress("numpy", None):
        pass
    assert cell.texts == []


def test_progress_without_a_total_counts(cell: FakeCell) -> None:
    with NotebookEvents(cell.display).progress("numpy", None) as progress:
        progress.advance(7)
    assert cell.texts == [["numpy: 7 B", "numpy: 7 B"]]


def test_status_is_written_over_and_empty_in_the_end(cell: FakeCell) -> None:
    with NotebookEvents(cell.display).status() as status:
        status.show("resolving")
        status.said("a word of uv")
        status.show("building")

    assert cell.texts == [["resolving", "building", ""], ["a word of uv"]]


def test_warnings_are_log_records(cell: FakeCell, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "onedigest"):
        events = NotebookEvents(cell.display)
        events.warned(Problem("is odd", "a.py:3"))
        events.detailed("100% done")

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "a.py:3: is odd"),
        ("DEBUG", "100% done"),
    ]
    assert cell.texts == []


def test_program_without_a_kernel_is_no_notebook() -> None:
    assert notebook_events() is None
