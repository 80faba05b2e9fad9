"""Progress as it is shown: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from onedigest.shown_text import masked, one_line, safe
from onedigest.terminal.output import say
from onedigest.workspace.events import Progress, Status

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID
    from rich.status import Status as RichLine


class Bar(Progress):
    """A bar that counts bytes while a context lasts, from the first on. Several threads may advance it.

    `total` is None where it is not known.
    """

    def __init__(self, title: str, total: int | None, *, quiet: bool) -> None:
        self._title = title
        self._total = total
        self._shown = not quiet and sys.stderr.isatty()
        self._bar: RichBar | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def advance(self, count: int) -> None:
        """Count bytes that have come."""
        if not self._shown:
            return
        with self._lock:
            if self._bar is None:
                self._start()
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as RichBar

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = RichBar(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(one_line(masked(self._title)), total=self._total)
        self._bar.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class Line(Status):
    """A line that says what goes on while a context lasts, on a terminal alone."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._shown = not quiet and sys.stderr.isatty()
        self._status: RichLine | None = None

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        """Say something else from now on."""
        if not self._shown:
            return
        from rich.text import Text

        line = Text(one_line(masked(text)))
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(line)
            self._status.start()
        self._status.update(line)

    def clear(self) -> None:
        """Say nothing any more, until something else is shown."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def said(self, text: str) -> None:
        """Print words, above the line where there is one."""
        if self._quiet:
            return
        if self._status is None:
            say(text)
        else:
            self._status.console.print(safe(text), markup=False, emoji=False, highlight=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
