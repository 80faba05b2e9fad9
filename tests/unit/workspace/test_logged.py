"""Events of a program that shows none itself are log records, each with its level."""

from __future__ import annotations

import logging

import pytest

from onedigest.errors import Problem
from onedigest.workspace.logged import LoggedEvents


def test_each_kind_of_words_has_its_level(caplog: pytest.LogCaptureFixture) -> None:
    events = LoggedEvents()
    with caplog.at_level(logging.DEBUG, "onedigest"):
        events.said("100% built")
        events.noticed("waiting")
        events.detailed("a detail")
        events.warned(Problem("is odd", "a.py:3", "mend it"))

    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "100% built"),
        ("INFO", "waiting"),
        ("DEBUG", "a detail"),
        ("WARNING", "a.py:3: is odd\nhint: mend it"),
    ]
