"""What a terminal shows of events: all, results alone, or nothing."""

from __future__ import annotations

import pytest

from onedigest.errors import Problem
from onedigest.terminal.events import TerminalEvents


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        (TerminalEvents(), ["said", "noticed", "warning: warned"]),
        (TerminalEvents(verbose=True), ["said", "noticed", "detailed", "warning: warned"]),
        (TerminalEvents(results_alone=True, verbose=True), ["noticed", "warning: warned"]),
        (TerminalEvents(quiet=True, verbose=True), []),
    ],
    ids=str,
)
def test_words_are_shown_to_who_wants_them(
    events: TerminalEvents, shown: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    events.said("said")
    events.noticed("noticed")
    events.detailed("detailed")
    events.warned(Problem("warned"))

    assert capsys.readouterr() == ("", "".join(f"{each}\n" for each in shown))
