"""The error by which an input is refused."""

from __future__ import annotations


class Refused(ValueError):
    """The input is refused: `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} [{code}]")
        self.code = code
        self.reason = message


class Unusable(Refused):
    """A file or folder that is named cannot be used: `message` says why, `where` is its path, `hint` what mends it."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__("file", f"{where}: {message}" if where else message)
        self.message = message
        self.where = where
        self.hint = hint
