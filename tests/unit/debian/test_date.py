"""Dates of release files are read without the locale, and what is none is None."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from onedigest.debian.date import moment


def test_date_is_a_moment() -> None:
    assert moment("Sat, 11 Jul 2026 10:16:37 UTC") == datetime(2026, 7, 11, 10, 16, 37, tzinfo=UTC)
    assert moment("Wed,  1 Jan 2025 00:00:00 UTC") == datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sat, 31 Feb 2026 10:16:37 UTC",
        "Sat, 11 Juli 2026 10:16:37 UTC",
        "Sat, 11 Xyz 2026 10:16:37 UTC",
        "Sat, 11 Jul 2026 24:00:00 UTC",
        "Sat, 11 Jul 2026 10:16:37 +0200",
        "Sat, 11 Jul 9999999 10:16:37 UTC",
        "Sat, \u0661\u0661 Jul 2026 10:16:37 UTC",
        "2026-07-11T10:16:37Z",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert moment(text) is None
