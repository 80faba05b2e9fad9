"""The search for a tool of the user's, and the check that it is new enough."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence

from onedigest.errors import EngineError
from onedigest.tools.processes import ask

_VERSION = re.compile(r"(\d+)\.(\d+)")


def find_tool(names: Sequence[str], tool: str, environment: Mapping[str, str], hint: str) -> str:
    """Return the path of the first of some commands that is on PATH. Raises `EngineError`."""
    for name in names:
        if found := shutil.which(name, path=environment.get("PATH", "")):
            return found
    listed = " or ".join(f"`{name}`" for name in names)
    raise EngineError.of(f"{tool} is not installed: there is no {listed} on PATH", hint=hint)


def check_version(program: str, oldest: tuple[int, int], environment: Mapping[str, str], hint: str) -> None:
    """Raise `EngineError` for a command that says an older version, or that does not run."""
    said = ask([program, "--version"], environment)
    version = parse_version(said.stdout)
    if said.returncode or (version and version < oldest):
        found = said.stdout.strip() or said.stderr.strip() or "nothing"
        needed = ".".join(map(str, oldest))
        raise EngineError.of(f"`{program} --version` says `{found}`, and {needed} or newer is needed", hint=hint)


def parse_version(text: str) -> tuple[int, int] | None:
    """Return the first two numbers of the version that a program says it has."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None
