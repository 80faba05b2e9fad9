"""The engines that there are, made from flags and the environment."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from onedigest.errors import EngineError, UsageError
from onedigest.workspace.context import Context
from onedigest.workspace.events import Status

if TYPE_CHECKING:
    from onedigest.engines.engine import Engine

NAMES = ("embedded", "buildx", "bazel", "nix")


def check_engine(name: str, builder: str) -> None:
    """Raise `UsageError` for what is no engine, and `EngineError` for a builder of one that has none."""
    if name not in NAMES:
        raise UsageError.of(f"there is no engine `{name}`", hint=f"the engines are {', '.join(NAMES)}")
    if name != "buildx" and builder:
        raise EngineError.of(f"the {name} engine has no builders", hint="use --engine buildx with --builder")


def make_engine(name: str, context: Context, builder: str, status: Status) -> Engine:
    """Return the engine of a name. Raises `EngineError` where it cannot be found."""
    check_engine(name, builder)
    if name == "embedded":
        from onedigest.engines.embedded import Embedded

        return Embedded()
    return _make_buildx(context, builder, status) if name == "buildx" else _make_generic(name, context, status)


def _make_generic(name: str, context: Context, status: Status) -> Engine:
    def take(line: str) -> None:
        if context.at_length:
            status.said(line)

    environment = dict(context.variables)
    if name == "bazel":
        from onedigest.engines.bazel import Bazel

        return Bazel(environment, say=take, show=status.show)
    from onedigest.engines.nix import Nix

    return Nix(environment, context.variables.get("ONEDIGEST_NIX_PYTHON", ""), say=take, show=status.show)


def _make_buildx(context: Context, builder: str, status: Status) -> Engine:
    from onedigest.engines.buildx import Buildx
    from onedigest.tools.docker import find_docker

    def take(line: str) -> None:
        status.said(line)

    def running(steps: Collection[str]) -> None:
        status.show(f"BuildKit: {', '.join(steps)}" if steps else "BuildKit")

    docker = find_docker(dict(context.variables))
    return Buildx(docker, builder, say=take, running=running, verbose=context.at_length)
