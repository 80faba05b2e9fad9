"""Knows which files a .dockerignore leaves out, as BuildKit reads it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Rule:
    matches: re.Pattern[str]
    kept: bool


class IgnoreRules:
    """The lines of a .dockerignore; the last one that matches a path, or a folder above it, decides."""

    def __init__(self, text: str = "") -> None:
        lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
        self._rules = tuple(_rule(line) for line in lines if line and not line.startswith("#") and line != "!")

    def ignores(self, path: str) -> bool:
        """Tell whether a path, from the folder that the rules are about, is left out."""
        ignored = False
        for rule in self._rules:
            if rule.kept == ignored and any(map(rule.matches.fullmatch, _with_parents(path))):
                ignored = not rule.kept
        return ignored


def _with_parents(path: str) -> Iterable[str]:
    while path:
        yield path
        path = posixpath.dirname(path)


def _rule(line: str) -> _Rule:
    kept = line.startswith("!")
    pattern = posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")
    return _Rule(re.compile(_expression(pattern), re.DOTALL), kept)


def _expression(pattern: str) -> str:
    """Return a pattern of Go's filepath.Match, with `**` for any number of folders, as a regular expression."""
    found, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            found, at = f"{found}(?:.*/)?", at + 3
        elif rest.startswith("**"):
            found, at = f"{found}.*", at + 2
        elif rest[0] == "*":
            found, at = f"{found}[^/]*", at + 1
        elif rest[0] == "?":
            found, at = f"{found}[^/]", at + 1
        elif rest[0] == "\\" and len(rest) > 1:
            found, at = found + re.escape(rest[1]), at + 2
        elif match := re.match(r"\[(\^?)((?:\\.|[^\]\\])+)\]", rest):
            inner = match[2].replace("[", r"\[")
            found, at = f"{found}[{match[1]}{inner}]", at + match.end()
        else:
            found, at = found + re.escape(rest[0]), at + 1
    return found
