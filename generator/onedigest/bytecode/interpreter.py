"""An interpreter of CPython that compiles: how it is started, and which version it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A CPython that can be started on this machine.

    `command` are the words that start it, to which options and a program are added. `variables` are all that its
    environment has. `version` is the full one, 3.N.P. `origin` says in a message which one it is, such as "uv's".
    It is a `stranger` if it comes out of an image, which anybody may have made.
    """

    command: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    version: str
    origin: str
    stranger: bool = False
