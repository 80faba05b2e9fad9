"""Knows how a source becomes a wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from onedigest.errors import Problem
from onedigest.from_source.model import Built, BuiltFrom, Source
from onedigest.sources import Sources


def make_wheel(
    source: Source, previous: Built | None, sources: Sources, *, root: Path, hear: Callable[[Problem], None]
) -> Built:
    """Stand in."""
    raise NotImplementedError


def identify(source: Source, previous: Built | None, sources: Sources, *, root: Path) -> BuiltFrom:
    """Stand in."""
    raise NotImplementedError
