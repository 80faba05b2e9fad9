"""The options of Python in a command, and the word that follows them: what it is started with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_WITH_VALUE = "WX"
_PROGRAM = "cm"
_LONG_WITH_VALUE = "--check-hash-based-pycs"


class PythonOptions(NamedTuple):
    """Options as (letter, value); and the `script` that follows, which is empty for `-c`, `-m` and standard input."""

    options: tuple[tuple[str, str], ...]
    script: str


def read_options(words: Iterable[str]) -> PythonOptions:
    """Read the words behind Python's name, as Python does: letters may be together, and `-W` and `-X` have a value.

    >>> read_options(["-uX", "dev", "app.py", "-v"])
    PythonOptions(options=(('u', ''), ('X', 'dev')), script='app.py')
    """
    found: list[tuple[str, str]] = []
    left = iter(words)
    for word in left:
        if word == "--":
            return PythonOptions(tuple(found), next(left, ""))
        if not word.startswith("-"):
            return PythonOptions(tuple(found), word)
        if word.startswith("--"):
            if word == _LONG_WITH_VALUE:
                next(left, "")
            continue
        if word == "-":
            break
        for end, letter in enumerate(word[1:], 2):
            if letter in _PROGRAM:
                return PythonOptions(tuple(found), "")
            if letter in _WITH_VALUE:
                found.append((letter, word[end:] or next(left, "")))
                break
            found.append((letter, ""))
    return PythonOptions(tuple(found), "")
