"""Results, problems and tables as they are printed: data to stdout, words to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from onedigest.errors import OnedigestError, Problem
from onedigest.shown_text import ascii_json, json_document, masked, one_line, safe
from onedigest.wording import table


def print_error(error: OnedigestError) -> None:
    """Print every problem of an error."""
    for problem in error.problems:
        print_problem("error", problem)


def print_warning(problem: Problem) -> None:
    """Print a problem that does not stop a command."""
    print_problem("warning", problem)


def print_problem(kind: str, problem: Problem) -> None:
    """Print a problem under the word that says how bad it is."""
    place = f"{one_line(masked(problem.where))}: " if problem.where else ""
    hint = f"\nhint: {_lines(problem.hint)}" if problem.hint else ""
    _print_words(f"{_coloured(kind)}: {place}{_lines(problem.message)}{hint}")


def say(text: str) -> None:
    """Print words about what is going on."""
    _print_words(_lines(text))


def put(text: str) -> None:
    """Print one line of a result."""
    print(one_line(masked(text)))


def put_document(text: str) -> None:
    """Print a document that was written with `shown_text`, and ends with a line break."""
    print(text, end="")


def print_json(value: object) -> None:
    """Print the one JSON document of a command."""
    put_json(json_document(value) + "\n")


def put_json(document: str) -> None:
    """Print a JSON document, which stays one where the locale has few letters."""
    try:
        document.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        document = ascii_json(document)
    put_document(document)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Print columns under a head; those of `right` are flush right."""
    for line in table(head, rows, right):
        put(line)


def _lines(text: str) -> str:
    """Return words whose later lines are indented, so that none of them reads like a line of its own."""
    first, *rest = safe(text).split("\n")
    return "\n".join([first, *(line if not line or line[0] == " " else f"  {line}" for line in rest)])


def _print_words(text: str) -> None:
    if sys.stderr is None:  # `print` would take stdout
        return
    with suppress(OSError):  # nobody reads them: that does not stop the work
        print(text, file=sys.stderr, flush=True)


def _coloured(kind: str) -> str:
    if "NO_COLOR" in os.environ or not ((sys.stderr and sys.stderr.isatty()) or "FORCE_COLOR" in os.environ):
        return kind
    return {"error": "\033[1;31merror\033[0m", "warning": "\033[1;33mwarning\033[0m"}[kind]
