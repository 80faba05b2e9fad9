"""Knows how long is waited before a request is sent again, and that a user is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import urllib3
from urllib3.exceptions import HTTPError

BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may be another one soon."""

LONGEST = 60.0
"""The most seconds that `Retry-After` may ask for."""

MOST = 300.0
"""How many seconds a command waits for one host, all its requests together."""

_FIRST = 0.25
_SAID_FROM = 2.0
"""Seconds of a wait that is worth words."""


class Patience:
    """Waits for hosts, for a while altogether. Several threads may wait, and those that do at once share their time."""

    def __init__(
        self, said: Callable[[str], object], most: float = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._said = said
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: dict[str, tuple[float, float]] = {}

    def wait(self, host: str, seconds: float, why: str, pause: Callable[[float], object] = time.sleep) -> bool:
        """Wait for a host; tell whether to try again. `why` says what it did, such as `answered 429`."""
        now = self._clock()
        with self._lock:
            spent, until = self._spent.get(host, (0.0, now))
            spent += max(0.0, now + seconds - max(now, until))
            if spent > self._most:
                return False
            self._spent[host] = spent, max(until, now + seconds)
        if seconds >= _SAID_FROM:
            self._said(f"waiting {seconds:.0f} s: {host} {why}")
        pause(seconds)
        return True


def seconds_of(attempt: int, asked: str | None = None) -> float:
    """Return the seconds to wait: what a server asks for (RFC 9110, section 10.2.3), or twice as long each time."""
    if asked:
        with suppress(HTTPError, ValueError, OverflowError):
            return min(urllib3.Retry().parse_retry_after(asked[:64]), LONGEST)
    return _FIRST * 2.0 ** (attempt - 1)
