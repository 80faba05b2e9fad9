"""The engine that builds an image without a daemon, in this process and its workers."""

from __future__ import annotations

from pathlib import Path

from onedigest.engines.engine import BuildRequest, Built, FindInterpreter
from onedigest.engines.layers import finish, make_layers
from onedigest.errors import EngineError
from onedigest.plan.layers import Plan
from onedigest.store import Store


def refused_commands(engine: str, where: str = "") -> EngineError:
    """Return the error for an image with `run` and an engine that does not execute it."""
    return EngineError.of(
        f"`run` needs an engine that runs commands, which {engine} does not",
        where=where,
        hint="build with --engine buildx, or leave `run` out: the other engines execute nothing in an image",
    )


def refuse_commands(plan: Plan, engine: str) -> None:
    """Raise `EngineError` for a plan that runs commands."""
    if plan.commands():
        raise refused_commands(engine)


class Embedded:
    """The engine of this process, which executes nothing of an image."""

    name = "embedded"

    def check(self, plan: Plan) -> None:
        """Raise `EngineError` for a plan that runs commands."""
        refuse_commands(plan, "the embedded one")

    def build(self, request: BuildRequest) -> Built:
        """Build the image; each layer is made as soon as its inputs are there, unless it is elsewhere."""
        descriptors, made = make_layers(
            [layer for layer in request.plan.layers() if layer.key() not in request.elsewhere],
            inputs=request.inputs,
            store=request.store,
            workers=request.workers,
            find=request.find,
            prove=request.prove,
            fetch=request.fetch,
        )
        return finish(request.plan, {**request.elsewhere, **descriptors}, request.store, made)


def build(plan: Plan, *, inputs: Path, store: Store, workers: int, find: FindInterpreter, prove: bool = False) -> Built:
    """Build an image from inputs that are in the folder `inputs`, or were when their layers were made.

    Raises `InputError` for an input that is missing, changed or refused.
    """
    descriptors, made = make_layers(plan.layers(), inputs=inputs, store=store, workers=workers, find=find, prove=prove)
    return finish(plan, descriptors, store, made)
