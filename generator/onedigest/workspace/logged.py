"""The events of a program that shows none itself: log records of the logger `onedigest`."""

from __future__ import annotations

import logging

from onedigest.errors import Problem
from onedigest.workspace.events import Events

_LOGGER = logging.getLogger("onedigest")


class LoggedEvents(Events):
    """Writes log records: words are of the level INFO, details of DEBUG, warnings of WARNING.

    Python prints warnings to stderr where a program sets up no logging.
    """

    def said(self, text: str) -> None:
        """Log words about what was done."""
        _LOGGER.info("%s", text)

    def noticed(self, text: str) -> None:
        """Log words that somebody is to read."""
        _LOGGER.info("%s", text)

    def detailed(self, text: str) -> None:
        """Log a detail."""
        _LOGGER.debug("%s", text)

    def warned(self, problem: Problem) -> None:
        """Log a warning."""
        _LOGGER.warning("%s", problem)
