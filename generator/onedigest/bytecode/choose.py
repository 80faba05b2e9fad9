"""The choice of the CPython that compiles: the first one of exactly a version that gives the right bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onedigest.bytecode.compiler import prove
from onedigest.bytecode.interpreter import Interpreter
from onedigest.errors import InputError, NetworkError, OnedigestError
from onedigest.tools.python_identity import own_version, read_version

QUIET = (("PYTHONDONTWRITEBYTECODE", "1"),)
"""All that most interpreters are told."""

_LIBRARIES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to an interpreter: what it is called in messages, and `find`.

    `find` raises an `OnedigestError` that says why there is none.
    """

    name: str
    find: Callable[[], Interpreter]


def running(version: str, environment: Mapping[str, str]) -> Interpreter:
    """Return the Python that runs this. Raises `InputError` where it is none of a version."""
    try:
        found = own_version()
    except ValueError as error:
        raise InputError.of(str(error)) from None
    if found != version:
        raise InputError.of(f"it is {found}")
    return installed(sys.executable, version, environment, "the running")


def installed(program: str, version: str, environment: Mapping[str, str], origin: str) -> Interpreter:
    """Return an interpreter of this machine, which gets nothing of the environment but where its libraries are."""
    folders = tuple((name, environment[name]) for name in _LIBRARIES if environment.get(name))
    return Interpreter(command=(program,), variables=(*QUIET, *folders), version=version, origin=origin)


def find_interpreter(version: str, ways: Sequence[Way]) -> Interpreter:
    """Return the first interpreter that the ways lead to, is of a version, and gives the right bytes.

    Raises `NetworkError` where one of them lacks nothing but the network, and else `InputError`: both say what was
    tried, and why it did not do.
    """
    tried: list[str] = []
    hint = f"install it by `uv python install {version}`"
    kind: type[OnedigestError] = InputError
    for way in ways:
        try:
            found = way.find()
            _check_version(found, version)
            prove(found)
        except OnedigestError as error:
            kind = NetworkError if isinstance(error, NetworkError) else kind
            tried += [f"{way.name}: {problem.message}".replace("\n", "\n    ") for problem in error.problems]
            hint = error.problems[-1].hint or hint
            continue
        return found
    raise kind.of(
        "\n  ".join([f"bytecode needs CPython {version}, and no way leads to one:", *dict.fromkeys(tried)]),
        hint=f"{hint}, or write `bytecode = false` in [tool.onedigest]",
    )


def _check_version(interpreter: Interpreter, version: str) -> None:
    """Start an interpreter once. Raises `InputError` where it is not what it is said to be.

    A base's own that was built between two releases (3.N.P+) is none of 3.N.P: the release would give other bytes.
    """
    try:
        found = read_version(interpreter.command, dict(interpreter.variables))
    except ValueError as error:
        raise InputError.of(str(error)) from None
    if found != version:
        raise InputError.of(f"it is {found}")
