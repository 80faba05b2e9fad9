"""The place where uv looks for what was not built, so that no index is asked for a local project's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from onedigest.errors import Problem

_NOWHERE = "/onedigest-has-not-built"


def empty_place(name: str) -> Path:
    """Return where uv is sent for a project."""
    return Path(_NOWHERE) / f"{name.replace('-', '_')}-0-py3-none-any.whl"


def problem_of_message(message: str, where: str) -> Problem | None:
    """Return what a message of uv means that names such a place."""
    match = re.search(rf"{_NOWHERE}/([\w.]+)-0-", message)
    if match is None:
        return None
    name = match[1].replace("_", "-")
    message = f"another package needs `{name}`, which comes from a source here, and nothing asks for it that counts"
    return Problem(message, where, f"add `{name}` to `dependencies`, so that it is built")


def names_of(requirements: Iterable[str]) -> frozenset[str]:
    """Return the normalized names of requirements."""
    found = set()
    for text in requirements:
        try:
            found.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue
    return frozenset(found)
