"""The engines that there are, made from flags and the environment."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from onedigest.cli.progress import Status
from onedigest.cli.session import Session
from onedigest.errors import EngineError, UsageError

if TYPE_CHECKING:
    from onedigest.engines.engine import Engine

NAMES = ("embedded", "buildx", "bazel", "nix")


def check_engine(name: str, builder: str) -> None:
    """Raise `UsageError` for what is no engine, and `EngineError` for a builder of one that has none."""
    if name not in NAMES:
        raise UsageError.of(f"there is no engine `{name}`", hint=f"the engines are {', '.join(NAMES)}")
    if name != "buildx" and builder:
        raise EngineError.of(f"the {name} engine has no builders", hint="use --engine buildx with --builder")


def make_engine(name: str, session: Session, builder: str, status: Status) -> Engine:
    """Return the engine of a name. Raises `EngineError` where it cannot be found."""
    check_engine(name, builder)
    if name == "embedded":
        from onedigest.engines.embedded import Embedded

        return Embedded()
    return _make_buildx(session, builder, status) if name == "buildx" else _make_generic(name, session, status)


def _make_generic(name: str, session: Session, status: Status) -> Engine:
    def take(line: str) -> None:
        if session.verbose and not session.silent:
            status.say(line)

    environment = dict(os.environ)
    if name == "bazel":
        from onedigest.engines.bazel import Bazel

        return Bazel(environment, say=take, show=status.show)
    from onedigest.engines.nix import Nix

    return Nix(environment, os.environ.get("ONEDIGEST_NIX_PYTHON", ""), say=take, show=status.show)


def _make_buildx(session: Session, builder: str, status: Status) -> Engine:
    from onedigest.engines.buildx import Buildx
    from onedigest.tools.docker import find_docker

    def take(line: str) -> None:
        if not session.silent:
            status.say(line)

    def running(steps: Collection[str]) -> None:
        status.show(f"BuildKit: {', '.join(steps)}" if steps else "BuildKit")

    docker = find_docker(dict(os.environ))
    return Buildx(docker, builder, say=take, running=running, verbose=session.verbose)
