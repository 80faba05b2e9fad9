"""The interface that all engines share: what they are asked for, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import Image
from onedigest.bytecode.interpreter import Interpreter
from onedigest.digest import Digest
from onedigest.plan.layers import Layer, Plan
from onedigest.store import Store

FetchInputs = Callable[[Iterable[Layer], Callable[[str], None]], None]
"""Fetches the inputs of layers, and tells the name of each as soon as it is there."""


FindInterpreter = Callable[[], Interpreter]
"""Finds a CPython of an image's version. Raises `InputError` where there is none."""


def fetch_nothing(_: Iterable[Layer], __: Callable[[str], None]) -> None:
    """Fetch nothing: all inputs are there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """What is to be built, and from what.

    `plan` has the platforms that are asked for, `whole` all of the image. `root` is the folder that holds the lock
    folder; `rules` has the generated files of the image, and `inputs` what was fetched. With `prove` no layer that is
    kept counts before its content was hashed. `find` finds what compiles, and `fetch` fetches what an engine needs.
    `elsewhere` has the layers, by their keys, that nobody needs here: the embedded engine does not make them.
    """

    plan: Plan
    whole: Plan
    root: Path
    rules: Path
    inputs: Path
    store: Store
    workers: int
    find: FindInterpreter
    prove: bool = False
    fetch: FetchInputs = fetch_nothing
    elsewhere: Mapping[Digest, Descriptor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An image, where its layers are by digest, and what had to be made for it."""

    image: Image
    blobs: Mapping[str, Path]
    made: tuple[str, ...]


class Engine(Protocol):
    """A way to build an image."""

    @property
    def name(self) -> str:
        """What `--engine` calls it."""

    def check(self, plan: Plan) -> None:
        """Raise `EngineError` where the engine is missing, or cannot build this plan."""

    def build(self, request: BuildRequest) -> Built:
        """Build the image: the same bytes, whichever engine it is."""
