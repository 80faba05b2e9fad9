"""The events of a notebook: one line below the cell, which tells what goes on and how far it is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from onedigest.wording import amount
from onedigest.workspace.events import Progress, Status
from onedigest.workspace.logged import LoggedEvents

_PAUSE = 0.2
"""Seconds between two updates of a line: each is a message to the browser."""


class Line(Protocol):
    """A line of a notebook that can be written anew, as `IPython.display.DisplayHandle`."""

    def update(self, value: dict[str, str], *, raw: bool) -> object:
        """Show another value."""


Display = Callable[[str], Line]
"""Shows a text below the cell, and returns the line that it is in."""


def notebook_events() -> LoggedEvents | None:
    """Return the events of the notebook that this program runs in, or None where it runs in none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):  # none, or a shell of a terminal
        return None
    show = sys.modules["IPython.display"].display

    def display(text: str) -> Line:
        line: Line = show({"text/plain": text}, raw=True, display_id=True)
        return line

    return NotebookEvents(display)


class NotebookEvents(LoggedEvents):
    """Shows words, progress and warnings below the cell of a notebook; a line of progress is written over."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def said(self, text: str) -> None:
        """Show words in a line of their own."""
        self._display(text)

    def noticed(self, text: str) -> None:
        """Show words in a line of their own."""
        self._display(text)

    def progress(self, title: str, total: int | None) -> Progress:
        """Return what writes one line over and over: the title, and how many bytes have come."""
        return _Bytes(self._display, title, total)

    def status(self) -> Status:
        """Return the line that says what goes on."""
        return _Line(self._display)


class _Bytes(Progress):
    def __init__(self, display: Display, title: str, total: int | None) -> None:
        self._display = display
        self._title = title
        self._total = total
        self._count = 0
        self._shown_at = 0.0
        self._line: Line | None = None
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        """Count bytes that have come."""
        with self._lock:
            self._count += count
            if time.monotonic() - self._shown_at >= _PAUSE:
                self._show()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        whole = f" of {amount(self._total)}" if self._total is not None else ""
        text = f"{self._title}: {amount(self._count)}{whole}"
        if self._line is None:
            self._line = self._display(text)
        else:
            self._line.update({"text/plain": text}, raw=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._count:
            self._show()


class _Line(Status):
    def __init__(self, display: Display) -> None:
        self._display = display
        self._line: Line | None = None

    def show(self, text: str) -> None:
        """Say something else from now on."""
        if self._line is None:
            self._line = self._display(text)
        else:
            self._line.update({"text/plain": text}, raw=True)

    def clear(self) -> None:
        """Say nothing any more, until something else is shown."""
        if self._line is not None:
            self._line.update({"text/plain": ""}, raw=True)
            self._line = None

    def said(self, text: str) -> None:
        """Show words of a program in a line of their own."""
        self._display(text)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
