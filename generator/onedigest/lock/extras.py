"""The extras that a script asks for and the chosen versions lack: uv says so, and goes on without them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onedigest.errors import Problem

Offered = Callable[[str, str], Sequence[str] | None]
"""Returns the extras that a version of a package has, None where that is not known."""

_MISSING = re.compile(
    r"(?i:the) package `(?P<name>[\w.-]{1,200})"
    r"(?:==(?P<version>[\w.+!-]{1,200})| @ file://[^`]*/[^`/-]{1,200}-(?P<built>[\w.+!]{1,200})-[^`/]{1,200}\.whl)`"
    r" does not have an extra named `(?P<extra>[\w.-]{1,200})`"
)
_MOST_NAMED = 40


def missing_extras(
    said: Iterable[str], dependencies: Iterable[str], where: Callable[[str], str], offered: Offered
) -> tuple[list[Problem], list[str]]:
    """Return a problem for each extra that a script asks for in vain, and what else uv said.

    `where` gives the line of the script that requires a package. What another package asks for in vain stays a warning.
    """
    asked: dict[str, set[str]] = {}
    for requirement in map(Requirement, dependencies):
        names = asked.setdefault(canonicalize_name(requirement.name), set())
        names.update(map(canonicalize_name, requirement.extras))
    problems, others = [], []
    for text in said:
        match = _MISSING.search(text)
        name, version = (canonicalize_name(match["name"]), match["version"] or match["built"]) if match else ("", "")
        if match and canonicalize_name(match["extra"]) in asked.get(name, ()):
            message = f"`{name}` {version} has no extra `{match['extra']}`"
            problems.append(Problem(message, where(name), _hint(match["extra"], offered(name, version))))
        else:
            others.append(text)
    return sorted(problems, key=lambda each: each.message), others


def _hint(extra: str, offered: Sequence[str] | None) -> str:
    if offered is None:
        return "take another version, or leave the extra out"
    known = sorted({canonicalize_name(each) for each in offered})
    if not known:
        return "it has no extras: leave it out, or take another version"
    near = difflib.get_close_matches(canonicalize_name(extra), known, 1)
    more = ", …" if len(known) > _MOST_NAMED else ""
    return (f"did you mean `{near[0]}`? " if near else "") + f"its extras are {', '.join(known[:_MOST_NAMED])}{more}"
