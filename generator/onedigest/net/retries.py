"""The wait before a request is sent again, and the message that tells a user of it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import HTTPError

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may be another one soon."""

LIMITED = 429
"""The answer of a server that is asked too often (RFC 6585, section 4)."""

LONGEST = 60.0
"""The most seconds that are waited at once, whatever a server asks for."""

MOST = 300.0
"""How many seconds a command waits for one host, all its requests together."""

_FIRST = 0.25
_SAID_FROM = 2.0
"""Seconds of a wait that is worth words."""

_LONGEST_NUMBER = 300
"""Digits that are read: a float holds that many, and nobody waits for what is longer."""
_WHOLE = re.compile(r"\d{1,300}", re.ASCII)
_USED_UP = re.compile(r"0\s*(?:;\s*w=(\d{1,9})\b.*)?", re.ASCII)
"""What `RateLimit-Remaining` says when nothing is left, with the seconds of its window."""
_SINCE_1970 = 1_000_000_000
"""Numbers from here on are points in time, in seconds since 1970; smaller ones are seconds."""


class Retries:
    """Waits for hosts, for a while altogether. Several threads may wait, and those that do at once share their time."""

    def __init__(
        self, said: Callable[[str], object], most: float = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._said = said
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: dict[str, tuple[float, float]] = {}
        self._limiting: set[str] = set()

    def wait(
        self,
        host: str,
        seconds: float,
        why: str,
        pause: Callable[[float], object] = time.sleep,
        *,
        limited: bool = False,
    ) -> bool:
        """Wait for a host; tell whether to try again. `why` says what it did, such as `answered 429`.

        That a host limits requests is said even of a moment, once.
        """
        now = self._clock()
        with self._lock:
            spent, until = self._spent.get(host, (0.0, now))
            spent += max(0.0, now + seconds - max(now, until))
            if spent > self._most:
                return False
            self._spent[host] = spent, max(until, now + seconds)
            is_news = limited and seconds > 0 and host not in self._limiting
            if is_news:
                self._limiting.add(host)
        if seconds >= _SAID_FROM or is_news:
            self._said(f"waiting {seconds:.{0 if seconds >= 1 else 2}f} s: {host} {why}")
        pause(seconds)
        return True


def seconds_of(attempt: int, asked: str | None = None) -> float:
    """Return the seconds to wait: what a server asks for (RFC 9110, section 10.2.3), or twice as long each time."""
    if asked:
        with suppress(HTTPError, ValueError, OverflowError):
            return min(urllib3.Retry().parse_retry_after(asked[:64]), LONGEST)
    return _FIRST * 2.0 ** (attempt - 1)


def stated_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to be left alone for, by headers with lower-case names; None without any.

    `Retry-After` counts first (RFC 9110, section 10.2.3), then when its limit is reset, then the window of a limit that
    is used up, as Docker Hub states it (`RateLimit-Remaining: 0;w=21600`).
    """
    now = headers.get("date", "")
    if asked := headers.get("retry-after", "").strip()[:_LONGEST_NUMBER]:
        if _WHOLE.fullmatch(asked):
            return float(asked)
        with suppress(HTTPError, ValueError, OverflowError, TypeError):
            moment = parsedate_to_datetime(asked[:64]).timestamp()
            seconds = _until(moment, now)
            return float(urllib3.Retry().parse_retry_after(asked[:64])) if seconds is None else seconds
    for name in ("x-retry-after", "ratelimit-reset", "x-ratelimit-reset"):
        if _WHOLE.fullmatch(text := headers.get(name, "").strip()):
            seconds = float(text)
            return seconds if seconds < _SINCE_1970 else _until(seconds, now)
    if match := _USED_UP.fullmatch(headers.get("ratelimit-remaining", "").strip()):
        return float(match[1]) if match[1] else None
    return None


def _until(moment: float, now: str) -> float | None:
    """Return the seconds until a moment by the server's own clock, which its header `Date` has."""
    with suppress(TypeError, ValueError, OverflowError):
        return max(0.0, moment - parsedate_to_datetime(now[:64]).timestamp())
    return None
