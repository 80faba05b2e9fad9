"""The proof that a wheel is a function of its source: two builds, with everything varied that may not matter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onedigest import digest
from onedigest.errors import InputError, Problem
from onedigest.from_source import backend, difference, sandbox
from onedigest.from_source.build_environment import FIRST, SECOND, BuildVariation, make_environment
from onedigest.from_source.canonical_wheel import write_canonical
from onedigest.from_source.sandbox import USUAL, Limits

APART = 1.1
"""How many seconds the clocks of the two runs differ at least: many programs write whole seconds."""


def build_twice(
    tree: Path,
    subdirectory: str,
    tools: Sequence[Path],
    settings: Mapping[str, Any],
    scratch: Path,
    hear: Callable[[Problem], None],
    *,
    limits: Limits = USUAL,
    apart: float = APART,
) -> Path:
    """Return the wheel of a source tree in its canonical form, built twice with one result; it is in `scratch`.

    `tools` are the wheel files of all build requirements. `settings` may have `config-settings` and `variables`.
    Raises `InputError`, where the two differ with what differs.
    """
    for problem in sandbox.isolation_warning():
        hear(problem)
    marks: list[tuple[str, str]] = []
    wheels: list[Path] = []
    begun = 0.0
    for variation in (FIRST, SECOND):
        time.sleep(max(0.0, begun + apart - time.monotonic()) if begun else 0)
        begun = time.monotonic()
        wheels.append(_build(tree, subdirectory, tools, settings, scratch, variation, marks, limits))
    first, second = wheels
    if first.name != second.name or digest.of_file(first) != digest.of_file(second):
        what, hint = difference.explain(first, second, marks, str(scratch.resolve()))
        raise InputError.of(f"two builds of the same source differ: {what}", hint=hint)
    return first


def _build(
    tree: Path,
    subdirectory: str,
    tools: Sequence[Path],
    settings: Mapping[str, Any],
    scratch: Path,
    variation: BuildVariation,
    marks: list[tuple[str, str]],
    limits: Limits,
) -> Path:
    """Build once; add what the run had of its own to `marks`."""
    written = scratch / "wheels" / variation.user
    written.mkdir(parents=True, exist_ok=True)
    with make_environment(tree, tools, settings, scratch, variation) as build_env:
        marks += [(place, difference.PLACE) for place in (str(build_env.enclosure.folder), variation.tree)]
        marks.append((variation.user, difference.USER))
        wheel = backend.build_wheel(build_env, subdirectory, settings, limits)
        stated = build_env.tree / subdirectory / "PKG-INFO"
        return write_canonical(wheel, written, stated if stated.is_file() and not stated.is_symlink() else None)
