"""The marks that a merge leaves in a file where two sides changed the same lines, and what either side had."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onedigest.errors import Problem

MARKS = "has conflict markers of a merge"

_HINT = "keep what is right of both sides, and remove the lines with the markers"
_MARK = re.compile(r"(<{7,}|\|{7,}|={7,}|>{7,})(?:[ \t].*)?\r?")
"""A line of a conflict (git-merge, "How conflicts are presented"): seven signs, or more where a repository says so."""

_NEXT = {"": "<", "<": "|=", "|": "=", "=": ">"}
"""Which mark ends a part of a conflict. A part is called by the sign that begins it, what both sides have by none."""


def first_line(text: str) -> int:
    """Return the number of the line in which the first whole conflict of a text begins, or 0 where there is none."""
    start = 0
    for number, (sign, _, is_mark) in enumerate(_parts(text) if "<<<<<<<" in text else (), 1):
        if is_mark and sign == "<":
            start = number
        elif is_mark and not sign:
            return start
    return 0


def ours(text: str) -> str:
    """Return what a text with conflicts was on the first side of a merge."""
    return _side(text, "<")


def theirs(text: str) -> str:
    """Return what a text with conflicts was on the second side of a merge."""
    return _side(text, "=")


def sides(text: str) -> tuple[str, ...]:
    """Return what a text was on either side of a merge, the first one first; itself where there is no conflict."""
    return (ours(text), theirs(text)) if first_line(text) else (text,)


def problems(text: str, where: str) -> list[Problem]:
    """Return what is wrong with a file that a person writes, where it has a conflict."""
    line = first_line(text)
    return [Problem(MARKS, f"{where}:{line}", _HINT)] if line else []


def _side(text: str, wanted: str) -> str:
    return "\n".join(line for sign, line, is_mark in _parts(text) if sign in ("", wanted) and not is_mark)


def _parts(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the lines of a text: the part that each is in, or that begins with it, itself, and whether it is a mark.

    Marks of another size inside of a conflict are of one that was merged before, and stand in what both sides had.
    """
    sign, size = "", 0
    for line in text.split("\n"):
        match = _MARK.fullmatch(line)
        is_mark = match is not None and match[1][0] in _NEXT[sign] and (not sign or len(match[1]) == size)
        if match and is_mark:
            sign, size = match[1][0].replace(">", ""), len(match[1])
        yield sign, line, is_mark
