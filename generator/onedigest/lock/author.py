"""The person that a lock is made for: who is warned, and which line of a script asks for a package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onedigest.errors import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Whoever wrote a script. `line_of` gives the place of a package by its name, or nothing where none asks for it.

    `tell` is told what was built. With `at_length`, explanations are told whole.
    """

    warn: Callable[[Problem], None] = lambda _: None
    tell: Callable[[str], None] = lambda _: None
    line_of: Callable[[str], str] = lambda _: ""
    at_length: bool = False
