"""The commands of an image, run as Flyte's `RUN` runs them, except that a pipeline fails with any part of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from onedigest.definition.flyte.definition import Commands
from onedigest.errors import Problem

_PIPED = (
    '(set -o pipefail) 2>/dev/null && exec /bin/sh -o pipefail -c "$1";'
    ' exec bash --posix +B -O xpg_echo -o pipefail -c "$1"'
)
"""Runs a command with `pipefail`: by /bin/sh where it has that option, as busybox and the dash of Debian 13 do, else by
bash as near to dash as it gets.
"""

_PLAIN = re.compile(r"[^\"'\\\n]{4,40}")
_MOST_LINES = 500


def run_line(command: str) -> str:
    """Return the command of `run` that does what a command of Flyte's does."""
    from onedigest.definition.network_use import has_pipeline

    if has_pipeline(command):
        return shlex.join(("/bin/sh", "-c", _PIPED, "sh", command))
    return shlex.join(("/bin/sh", "-c", command))


def network_problems(step: Commands, lines: Sequence[str]) -> Iterator[tuple[int, Problem]]:
    """Yield what is to be said of commands that reach for a network, with the line; `lines` are those of the script."""
    from onedigest.definition.network_use import DEBIAN_PACKAGES, FILES, PYTHON_PACKAGES, network_uses

    instead = {
        PYTHON_PACKAGES: "name the packages in `with_pip_packages`",
        DEBIAN_PACKAGES: "name the packages in `with_apt_packages`",
        FILES: "fetch it beforehand, and add the file with `with_source_file`",
    }
    for command in step.commands:
        for use in network_uses(command):
            yield _line_of(command, step.line, lines), Problem(use.message, hint=instead[use.kind])


def _line_of(command: str, first: int, lines: Sequence[str]) -> int:
    """Return the line that a command is written in, from the one of its step on."""
    start = _PLAIN.search(command)
    for number in range(first, min(len(lines), first + _MOST_LINES) + 1) if start and first else ():
        if start and start[0] in lines[number - 1]:
            return number
    return first
