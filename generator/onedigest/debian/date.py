"""The dates of release files, such as `Sat, 11 Jul 2026 10:16:37 UTC`, whatever the locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_WRITTEN = re.compile(r"[A-Z][a-z]{2}, +(\d{1,2}) ([A-Z][a-z]{2}) ((?:19|2\d)\d\d) (\d\d):(\d\d):(\d\d) UTC", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(date: str) -> datetime | None:
    """Return the moment of a date; None where it is none."""
    match = _WRITTEN.fullmatch(date)
    if not match or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[number]) for number in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
