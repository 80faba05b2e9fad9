"""The part of uv's explanation of an unsolvable request that a person reads: its last conclusions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from onedigest.errors import InputError

_CAUSE = "  cause: "
_STEP = re.compile(r"(?:And )?[Bb]ecause ")
_HINT = re.compile(r"hint: ")
_NUMBER = re.compile(r"\((\d{1,5})\)$")
_KNOWN = re.compile(r"we know from \((\d{1,5})\)(?: and \((\d{1,5})\))?")
_MOST_STEPS = 3
_MOST_ROWS = 4
_SHOWN_ROWS = 2
_LONGEST_ROW = 400
_MARGIN = " " * len(_CAUSE)


def shorten_explanation(error: InputError) -> InputError:
    """Return an error of uv as a person reads it."""
    return InputError(replace(each, message=shortened(each.message)) for each in error.problems)


def shortened(text: str, option: str = "-v") -> str:
    """Return an explanation with its last conclusions alone, and of long lists the first rows.

    It says how many are left out, and that `option` shows them. Any other text stays as it is.
    """
    head, cause, rest = text.partition(_CAUSE)
    if not cause:
        return text
    lines = [line for line in rest.split("\n") if line.strip()]
    first_hint = next((number for number, line in enumerate(lines) if _HINT.match(line.strip())), len(lines))
    steps = _steps(lines[:first_hint])
    kept = _kept(steps)
    left = len(steps) - len(kept)
    said = [row for number in kept for row in _rows(steps[number])]
    if not said:
        return text
    if left:
        plural = "" if left == 1 else "s"
        said.insert(0, f"({left} earlier step{plural}, which {option} shows)")
    body = [_CAUSE + said[0].strip(), *(_MARGIN + row for row in said[1:])]
    return "\n".join([*filter(None, [head.rstrip()]), *body, *map(_short, lines[first_hint:])])


def _steps(lines: Iterable[str]) -> list[list[str]]:
    """Return the conclusions, each with its lines: what is indented further is a list."""
    steps: list[list[str]] = []
    for line in lines:
        if _STEP.match(line.strip()) or not steps:
            steps.append([])
        steps[-1].append(line.removeprefix(_MARGIN).rstrip())
    return steps


def _kept(steps: Sequence[Sequence[str]]) -> list[int]:
    """Return which conclusions are kept: the last ones, and those that they name by a number."""
    numbers = {match[1]: index for index, step in enumerate(steps) if (match := _NUMBER.search(step[-1]))}
    last = set(range(max(len(steps) - _MOST_STEPS, 0), len(steps)))
    named = (number for index in last for match in _KNOWN.finditer(" ".join(steps[index])) for number in match.groups())
    return sorted(last | {numbers[number] for number in named if number in numbers})


def _rows(step: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a conclusion, and of each list in it a few rows."""
    several: list[str] = []
    for line in [*step, ""]:
        if line.startswith(" "):
            several.append(line)
            continue
        yield from _few(several)
        several.clear()
        if line:
            yield _short(line)


def _few(rows: Sequence[str]) -> Iterator[str]:
    if len(rows) <= _MOST_ROWS:
        yield from map(_short, rows)
        return
    yield from map(_short, rows[:_SHOWN_ROWS])
    indent = len(rows[0]) - len(rows[0].lstrip())
    yield f"{' ' * indent}… and {len(rows) - _SHOWN_ROWS - 1} others, up to"
    yield _short(rows[-1])


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST_ROW else f"{line[:_LONGEST_ROW]}…"
