"""Knows how results, problems and tables are printed: data to stdout, words to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from onedigest.errors import OnedigestError, Problem


def print_error(error: OnedigestError) -> None:
    """Print every problem of an error."""
    for problem in error.problems:
        _print_problem("error", problem)


def print_warning(problem: Problem) -> None:
    """Print a problem that does not stop a command."""
    _print_problem("warning", problem)


def say(text: str) -> None:
    """Print words about what is going on."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """Print the one JSON document of a command."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Print columns under a head; those of `right` are flush right."""
    for line in table(head, rows, right):
        print(line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Return the lines of a table."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(row)
        )
        return "  ".join(cells).rstrip()

    return [line(head), *map(line, rows)]


def amount(count: int) -> str:
    """Return a number of bytes for people, in powers of ten."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


def shown(path: Path, start: Path | None = None) -> str:
    """Return a path from a folder, the working directory by default, where it is below it; else the whole path."""
    resolved, root = path.resolve(), (start or Path.cwd()).resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(path)


def plural(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _print_problem(kind: str, problem: Problem) -> None:
    say(f"{_coloured(kind)}: {problem}")


def _coloured(kind: str) -> str:
    if "NO_COLOR" in os.environ or not (sys.stderr.isatty() or "FORCE_COLOR" in os.environ):
        return kind
    return {"error": "\033[1;31merror\033[0m", "warning": "\033[1;33mwarning\033[0m"}[kind]
