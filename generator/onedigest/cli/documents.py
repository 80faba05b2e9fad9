"""The one JSON document of a command: the number of its format, the results, and all that was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onedigest.errors import OnedigestError, Problem
from onedigest.workspace.context import Context
from onedigest.workspace.results import as_document

FORMAT = 1
"""The number of the format of all documents: it moves when a key changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a command returns with `--json`: its document, which is printed when all else is done, and its exit code."""

    fields: Mapping[str, Any]
    exit_code: int = 0


def make_document(context: Context, result: object, errors: Iterable[OnedigestError] = ()) -> Document:
    """Return the document of a command that did its work, or a part of it."""
    known = tuple(errors)
    problems = [problem for error in known for problem in error.problems]
    head = make_failure(problems, max((error.exit_code for error in known), default=0), context.warnings)
    return Document({**head.fields, **as_document(result)}, head.exit_code)


def make_failure(problems: Iterable[Problem], exit_code: int, warnings: Iterable[Problem] = ()) -> Document:
    """Return the document of a command that failed: it has no results."""
    fields = {
        "format": FORMAT,
        "warnings": [as_document(each) for each in warnings],
        "errors": [as_document(each) for each in problems],
    }
    return Document(fields | ({"exit_code": exit_code} if exit_code else {}), exit_code)
