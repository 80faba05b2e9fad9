"""Every class of errors, and its exit code.

OnedigestError
├── InputError        1  wrong input: script, spec, lock, wheel
├── UsageError        2  wrong use of the command
├── DifferenceError   3  `--check`, `--locked` or `verify` found a difference
├── NetworkError      4  network or registry
├── EngineError       5  an engine is missing or failed
└── InternalError    70  a fault of onedigest itself

A signal ends the program with 128 and its number, as shells have it: 130 for an interrupt, 143 for SIGTERM.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


def generating(script: str) -> str:
    """Return the command that generates the files of a script, whose name a shell reads as nothing but a name."""
    return f"onedigest generate {shlex.quote(script)}"


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: `a, b and c`."""
    return " and ".join(([", ".join(words[:-1])] if words[1:] else []) + list(words[-1:]))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where (`file:line`, `packages[2].wheels[0]` or empty), and the edit or command that mends it."""

    message: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f"\nhint: {self.hint}" if self.hint else "")


class OnedigestError(Exception):
    """One or several independent problems that end a command."""

    exit_code: ClassVar[int]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Problem, ...]]]:
        """Tell pickle that an error is made of its problems: one of a worker process arrives whole."""
        return type(self), (self.problems,)

    @classmethod
    def of(cls, message: str, *, where: str = "", hint: str = "") -> Self:
        """Make the error of a single problem."""
        return cls([Problem(message, where, hint)])


class InputError(OnedigestError):
    """The script, the spec, the lock or a wheel is wrong."""

    exit_code = 1


class UsageError(OnedigestError):
    """The command was called in a way that has no meaning."""

    exit_code = 2


class DifferenceError(OnedigestError):
    """What is there is not what is recorded."""

    exit_code = 3


class NetworkError(OnedigestError):
    """The network or a registry did not give what was asked for."""

    exit_code = 4


class EngineError(OnedigestError):
    """An engine or a tool is missing, or failed."""

    exit_code = 5


class InternalError(OnedigestError):
    """Something happened that onedigest does not know of."""

    exit_code = 70


def combined(errors: Sequence[OnedigestError]) -> OnedigestError:
    """Return one error with the problems of several, of the kind whose exit code is the highest."""
    kind = max((type(error) for error in errors), key=lambda each: each.exit_code)
    return kind(dict.fromkeys(problem for error in errors for problem in error.problems))
