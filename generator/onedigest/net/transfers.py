"""The same work on several things at once, which stops as a whole when one fails or a user interrupts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WORKERS = 4
"""More gain nothing: what limits is one side's disk or line (measured)."""

Report = Callable[[int], None]

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):
    """Raised by a report when what is reported is of no use any more."""


def transfer_all(work: Callable[[T, Report], R], items: Sequence[T], report: Report = lambda _: None) -> list[R]:
    """Do the same to all items, several at once. The first error ends it.

    What runs then ends at its next report of progress, so that no one waits for a transfer that is of no use.
    """
    stop = threading.Event()

    def guarded(count: int) -> None:
        if stop.is_set():
            raise Stopped
        report(count)

    with ThreadPoolExecutor(WORKERS) as pool:
        try:  # an interrupt may come before the last is begun
            waiting = [pool.submit(work, item, guarded) for item in items]
            return [each.result() for each in waiting]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
