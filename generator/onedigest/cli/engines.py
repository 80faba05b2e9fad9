"""Knows which engines there are, and makes them from flags and the environment."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from onedigest.cli.progress import Status
from onedigest.cli.session import Session
from onedigest.errors import EngineError

if TYPE_CHECKING:
    from onedigest.engines.engine import Engine

NAMES = ("embedded", "buildx")


def check_engine(name: str, builder: str) -> None:
    """Raise `EngineError` for what is no engine, or for a builder of one that has none."""
    if name not in NAMES:
        raise EngineError.of(f"there is no engine `{name}`", hint=f"the engines are {', '.join(NAMES)}")
    if name == "embedded" and builder:
        raise EngineError.of("the embedded engine has no builders", hint="use --engine buildx with --builder")


def make_engine(name: str, session: Session, builder: str, status: Status) -> Engine:
    """Return the engine of a name. Raises `EngineError` where it cannot be found."""
    check_engine(name, builder)
    if name == "embedded":
        from onedigest.engines.embedded import Embedded

        return Embedded()
    from onedigest.engines.buildx import Buildx
    from onedigest.engines.docker import find_docker

    def take(line: str) -> None:
        if not session.silent:
            status.say(line)

    def running(steps: Collection[str]) -> None:
        status.show(f"BuildKit: {', '.join(steps)}" if steps else "BuildKit")

    docker = find_docker(dict(os.environ))
    return Buildx(docker, builder, say=take, running=running, verbose=session.verbose)
