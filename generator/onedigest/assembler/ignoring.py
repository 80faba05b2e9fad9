"""The files that a .dockerignore leaves out, as BuildKit reads it, in time that no pattern makes long."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_RULES = 1000
"""How many lines with a pattern a .dockerignore may have."""

_LONGEST = 4096
_MOST_KNOWN = 4096
"""How many steps of a pattern are remembered."""


class IgnoreRules:
    """The lines of a .dockerignore; the last one that matches a path, or a folder above it, decides.

    Raises ValueError for a line that is no pattern.
    """

    def __init__(self, text: str = "") -> None:
        self.lines = tuple(parse(text))
        self._rules = tuple(_Rule(Pattern(pattern), kept) for kept, pattern in self.lines)

    def ignores(self, path: str) -> bool:
        """Tell whether a path, from the folder that the rules are about, is left out."""
        ignored = False
        for rule in self._rules:
            if rule.kept == ignored and rule.pattern.matches(path):
                ignored = not rule.kept
        return ignored


def parse(text: str) -> list[tuple[bool, str]]:
    """Return the lines of a .dockerignore that have a pattern: whether it keeps what it matches, and the pattern.

    Raises ValueError for too many, and for one that is too long.
    """
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    found = [_parse_line(line) for line in lines if line and not line.startswith("#") and line != "!"]
    if len(found) > MOST_RULES:
        raise ValueError(f"has more than {MOST_RULES} patterns")
    return found


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: Pattern
    kept: bool


@dataclass(frozen=True, slots=True)
class _Token:
    """What a place of a pattern fits: `fits` tells of one character; `repeats` where it stands for any number.

    `skips` are how many places further the pattern may go on without a character.
    """

    fits: Callable[[str], bool]
    repeats: bool = False
    skips: tuple[int, ...] = ()


class Pattern:
    """A pattern as the places that are reached while a path is read, which are the bits of a number.

    What follows from them is remembered, up to a point.
    """

    def __init__(self, pattern: str) -> None:
        self._tokens = tuple(_tokens(pattern))
        self._end = 1 << len(self._tokens)
        self._repeats = sum(1 << place for place, token in enumerate(self._tokens) if token.repeats)
        self._skips = [
            (skip, mask)
            for skip in (1, 3)
            if (mask := sum(1 << place for place, token in enumerate(self._tokens) if skip in token.skips))
        ]
        self._fitting: dict[str, int] = {}
        self._known: dict[tuple[int, str], int] = {}
        self._start = self._opened(1)
        self._folder, self._at, self._is_within = "", self._start, False

    def matches(self, path: str) -> bool:
        """Tell whether a path, or a folder above it, is what the pattern names."""
        folder, slash, name = path.rpartition("/")
        if folder != self._folder:  # files of one folder come one after the other
            self._at, self._is_within = self._read(folder + slash, self._start)
            self._folder = folder
        if self._is_within:
            return True
        at, is_within = self._read(name, self._at)
        return is_within or bool(at & self._end)

    def _read(self, text: str, at: int) -> tuple[int, bool]:
        """Return the places after a text, and whether it went through a folder that the pattern names."""
        for character in text:
            if character == "/" and at & self._end:
                return at, True
            if not at:
                break
            at = self._step(at, character)
        return at, False

    def _step(self, at: int, character: str) -> int:
        found = self._known.get((at, character))
        if found is None:
            going = at & self._fits(character)
            found = self._opened((going & self._repeats) | (going & ~self._repeats) << 1)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[at, character] = found
        return found

    def _fits(self, character: str) -> int:
        """Return the places whose token fits a character."""
        if character not in self._fitting:
            if len(self._fitting) >= _MOST_KNOWN:
                self._fitting.clear()
            fitting = (place for place, token in enumerate(self._tokens) if token.fits(character))
            self._fitting[character] = sum(1 << place for place in fitting)
        return self._fitting[character]

    def _opened(self, at: int) -> int:
        """Return places with those that are reached without a further character."""
        before = 0
        while before != at:
            before = at
            for skip, mask in self._skips:
                at |= (at & mask) << skip
        return at


def _parse_line(line: str) -> tuple[bool, str]:
    pattern = posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")
    if len(pattern) > _LONGEST:
        raise ValueError(f"has a pattern of more than {_LONGEST} characters")
    return line.startswith("!"), pattern


def _tokens(pattern: str) -> Iterator[_Token]:
    """Yield what a pattern of Go's filepath.Match is made of, with `**` for any number of folders."""
    at = 0
    while at < len(pattern):
        rest = pattern[at : at + 3]
        if rest == "**/":
            yield _Token(_none, skips=(1, 3))  # there may be no folder at all
            yield _Token(_any, repeats=True, skips=(1,))
            yield _Token("/".__eq__)
            at += 3
        elif rest[:2] == "**":
            yield _Token(_any, repeats=True, skips=(1,))
            at += 2
        elif rest[0] == "*":
            yield _Token(_inner, repeats=True, skips=(1,))
            at += 1
        elif rest[0] == "?":
            yield _Token(_inner)
            at += 1
        elif rest[0] == "\\" and len(rest) > 1:
            yield _Token(rest[1].__eq__)
            at += 2
        elif rest[0] == "[" and (end := _end_of_set(pattern, at)):
            yield _Token(_set(pattern[at + 1 : end]))
            at = end + 1
        else:
            yield _Token(rest[0].__eq__)
            at += 1


def _any(_: str) -> bool:
    return True


def _none(_: str) -> bool:
    return False


def _inner(character: str) -> bool:
    return character != "/"


def _end_of_set(pattern: str, start: int) -> int:
    """Return where a set of characters ends, 0 where it does not."""
    at = start + 1 + pattern.startswith("^", start + 1)
    first = at
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at if first < at < len(pattern) else 0


def _set(text: str) -> Callable[[str], bool]:
    """Return what tells whether a character is in a set, given without its brackets. Raises ValueError."""
    is_negative = text.startswith("^")
    rest = iter(text[is_negative:])
    characters = [(next(rest, each), True) if each == "\\" else (each, False) for each in rest]
    ranges, at = [], 0
    while at < len(characters):
        low, at = characters[at][0], at + 1
        high = low
        if at + 1 < len(characters) and characters[at] == ("-", False):
            high, at = characters[at + 1][0], at + 2
        if high < low:
            raise ValueError(f"has a pattern with the set {text!r}, whose range ends before it begins")
        ranges.append((low, high))
    return lambda character: any(low <= character <= high for low, high in ranges) != is_negative
