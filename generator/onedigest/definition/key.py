"""A key of `[tool.onedigest]` as a value: its name, what it may be, what it says, and where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_LONGEST = 100


class Place(Enum):
    """Where a key may be written. The settings of a project stand in onedigest.toml, or in its pyproject.toml."""

    SCRIPT = "a script"
    SETTINGS = "the settings of a project"
    IMAGE = "the pyproject.toml of a project that has an image itself"


EVERYWHERE = frozenset(Place)


def as_written(value: Any) -> Any:
    """Return a value of a spec as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a value may be, said three times: by a check, by a JSON schema (draft 7), and in words.

    `check` returns the value as a spec has it, and raises ValueError with what is wrong about it. `written` is the way
    back. The schema takes all that the check takes. It also takes what no schema can tell.
    """

    words: str
    check: Callable[[Any], Any]
    schema: Mapping[str, Any]
    written: Callable[[Any], Any] = as_written


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One row of the table.

    `default` is the value of a spec without the key. `without` says in words what holds then, where the default does
    not say it. `example` is a value as TOML has it. A table that is `merged` is read name by name, from a script and
    its project. `keys` are those of a table of its own.
    """

    name: str
    shape: Shape
    default: Any = None
    without: str = ""
    says: str
    example: Any
    places: frozenset[Place] = EVERYWHERE
    merged: bool = False
    keys: tuple[Key, ...] = field(default=())

    @property
    def field(self) -> str:
        """The field of a spec that has its value."""
        return "copies" if self.name == "copy" else self.name.replace("-", "_")

    def described(self) -> dict[str, Any]:
        """Return the schema of its value, with what editors show of it."""
        found = {"title": self.shape.words, "description": self.says, **self.shape.schema}
        if not self.without:
            found["default"] = self.shape.written(self.default)
        return {**found, "examples": [self.example]}


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the name that is most like a wrong one, or nothing."""
    import difflib

    near = difflib.get_close_matches(name[:_LONGEST], sorted(names), 1)
    return near[0] if near else ""
