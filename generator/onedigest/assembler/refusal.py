"""Knows how an input is refused."""

from __future__ import annotations


class Refused(ValueError):
    """The input is refused: `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} [{code}]")
        self.code = code
        self.reason = message
