"""The name that a hint gives to the place where a setting of a Flyte image is written."""

from __future__ import annotations

import re
from dataclasses import replace

from onedigest.errors import Problem

_TABLE = "in [tool.onedigest]"
_PLATFORMS = re.compile(r"`platforms = \[([^\]`]*)\]` in \[tool\.onedigest\]")
_PYTHON = re.compile(r'`requires-python = "==3\.(\d{1,3})\.\*"`')
_DEFINITION = "in the definition of the image"


def placed(problem: Problem, place: str, *, of_script: bool) -> Problem:
    """Return a problem whose hint names a place for settings, and Flyte's own parameters for what those decide.

    `of_script` tells whether the image is that of a script's block, which says the Python.
    """
    hint = _PLATFORMS.sub(lambda match: f"`platform={_python_value(match[1])}` {_DEFINITION}", problem.hint)
    if not of_script:
        hint = _PYTHON.sub(lambda match: f"`python_version=(3, {match[1]})` {_DEFINITION}", hint)
    return replace(problem, hint=hint.replace(_TABLE, f"in {place}"))


def _python_value(listed: str) -> str:
    return listed if "," not in listed else f"({listed})"
