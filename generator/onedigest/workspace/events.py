"""What is told while work goes on: words, warnings and progress, which each face shows in its own way."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from onedigest.errors import Problem


class Progress:
    """Bytes that are counted while a context lasts. This one shows nothing; several threads may advance it."""

    def __enter__(self) -> Self:
        return self

    def advance(self, count: int) -> None:
        """Count bytes that have come."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Status:
    """A line that says what goes on while a context lasts. This one shows nothing."""

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        """Say something else from now on."""

    def clear(self) -> None:
        """Say nothing any more, until something else is shown."""

    def said(self, text: str) -> None:
        """Tell words of a program that runs, beside the line."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Events:
    """Takes what is told, and shows nothing of it: a face overrides what it shows.

    >>> class Printed(Events):
    ...     def said(self, text: str) -> None:
    ...         print(text)
    >>> Printed().said("hello: unchanged")
    hello: unchanged
    """

    def said(self, text: str) -> None:
        """Take words about what was done."""

    def noticed(self, text: str) -> None:
        """Take words that somebody is to read who reads results alone: why something was locked, or is waited for."""

    def detailed(self, text: str) -> None:
        """Take words for whoever wants to know it all."""

    def warned(self, problem: Problem) -> None:
        """Take a problem that stops nothing. Each is told once."""

    def progress(self, title: str, total: int | None) -> Progress:
        """Return what counts the bytes of one task; `total` is None where it is not known."""
        del title, total
        return Progress()

    def status(self) -> Status:
        """Return the line that says what goes on."""
        return Status()
