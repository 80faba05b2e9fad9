"""The variables and options by which Python does not read the bytecode that an image has."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from onedigest.definition.python_options import read_options
from onedigest.errors import Problem
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.lock.model import Lock

_OPTIMIZE, _PREFIX = "PYTHONOPTIMIZE", "PYTHONPYCACHEPREFIX"
_WHY = {
    _OPTIMIZE: "has Python look for bytecode by another name",
    _PREFIX: "has Python look for bytecode in another folder",
}
_OPTION = "pycache_prefix="
_THEN = "so that of the image is never read, and every start compiles what it imports"
_ZERO = re.compile(r"\s*[+-]?0+")
_PYTHON = re.compile(r"(?:.*/)?python[0-9.]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SHELLS = frozenset(("sh", "bash", "dash", "ash"))


def warn_of_unused(image: ScriptImage, lock: Lock) -> None:
    """Warn of what makes the bytecode of an image useless: PYTHONOPTIMIZE, a folder elsewhere, and such options."""
    from onedigest.plan.configuration import entrypoint, image_variables

    if not image.spec.bytecode:
        return
    found: dict[Problem, None] = {}
    for platform in lock.platforms:
        variables = image_variables(image.spec, lock.base, platform)
        for said, cause in _causes((*entrypoint(image.spec, lock.base), *image.spec.args), variables):
            found[_problem(image, lock, said, cause)] = None
    for problem in found:
        image.warn(problem)


def _problem(image: ScriptImage, lock: Lock, said: str, cause: str) -> Problem:
    of_base = said == cause and cause not in dict(image.spec.env)
    key = "entrypoint" if said != cause else "base" if of_base else f"env.{cause}"
    owner = f" of {lock.base.reference}" if of_base else ""
    cure = f'set `{cause} = ""` in `env`' if of_base else "leave it out"
    return Problem(
        f"`{said}`{owner} {_WHY[cause]}, {_THEN}",
        image.script.where(f"tool.onedigest.{key}"),
        f"{cure}, or set `bytecode = false`",
    )


def _causes(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what stands in the way as it is written, with the variable that does the same."""
    before, options = _invocation(command)
    own = {match[1]: match[2] for word in before if (match := _ASSIGNMENT.fullmatch(word))}
    given = dict.fromkeys(options)
    known = {} if {("E", ""), ("I", "")} & given.keys() else {**variables, **own}
    for name in (_OPTIMIZE, _PREFIX):
        if _counts(name, known.get(name, "")):
            yield (f"{name}={own[name]}" if name in own else name), name
    for letter, value in given:
        if letter == "O":
            yield "-O", _OPTIMIZE
        elif letter == "X" and value.startswith(_OPTION) and value != _OPTION:
            yield f"-X {value}", _PREFIX


def _counts(name: str, value: str) -> bool:
    """Tell whether a variable has an effect: what is no number counts as 1 (`_Py_get_env_flag` of CPython)."""
    return bool(value) and not (name == _OPTIMIZE and _ZERO.fullmatch(value))


def _invocation(command: Sequence[str]) -> tuple[Sequence[str], tuple[tuple[str, str], ...]]:
    """Return the words before Python's name in a command, and its options."""
    words = list(command)
    if words and posixpath.basename(words[0]) in _SHELLS:
        words = [part for word in words for part in _split(word)]
    place = next((number for number, word in enumerate(words) if _PYTHON.fullmatch(word)), len(words))
    return words[:place], read_options(words[place + 1 :]).options


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
