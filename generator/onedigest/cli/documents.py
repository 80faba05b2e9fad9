"""The one JSON document of a command: the number of its format, the results, and all that was wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from onedigest.errors import OnedigestError, Problem
from onedigest.terminal.output import print_json
from onedigest.workspace.context import Context
from onedigest.workspace.results import as_document

FORMAT = 1
"""The number of the format of all documents: it moves when a key changes its meaning or goes."""


def print_document(context: Context, result: object, errors: Iterable[OnedigestError] = ()) -> None:
    """Print the document of a command that did its work, or a part of it."""
    fields = as_document(result)
    print_json({**_head(context.warnings, errors), **fields})


def print_failure(error: OnedigestError, warnings: Iterable[Problem] = ()) -> None:
    """Print the document of a command that failed."""
    print_json({**_head(warnings, [error]), "exit_code": error.exit_code})


def _head(warnings: Iterable[Problem], errors: Iterable[OnedigestError]) -> Mapping[str, Any]:
    wrong = [problem for error in errors for problem in error.problems]
    return {
        "format": FORMAT,
        "warnings": [as_document(each) for each in warnings],
        "errors": [as_document(each) for each in wrong],
    }
