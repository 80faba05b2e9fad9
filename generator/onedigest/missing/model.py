"""The question that is asked when an image is looked at, and the answer, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onedigest.definition.files import File
from onedigest.definition.spec import Spec
from onedigest.errors import Problem
from onedigest.lock.model import Lock
from onedigest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownOwners:
    """The Debian packages that have libraries, or programs by their paths; `complete` where nobody has the others."""

    packages: Mapping[str, str]
    complete: bool


Owners = Callable[[Sequence[str]], KnownOwners | None]
"""Returns what has libraries and programs; None where that cannot be known now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedImage:
    """An image that is looked at. `where` gives the place of a key, and `plan` is the digest of its plan.

    With `again`, what could not be known the last time is asked for again.
    """

    spec: Spec
    lock: Lock
    files: Sequence[File]
    platforms: Sequence[Platform]
    plan: str
    folder: Path
    place: str
    where: Callable[[str], str] = field(repr=False)
    again: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What is to be said; `complete` unless something could not be known now."""

    problems: tuple[Problem, ...]
    complete: bool
