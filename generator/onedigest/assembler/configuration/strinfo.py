"""The words in which compiled schemas keep the choices of a key (GLib's strinfo.c)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from onedigest.assembler.configuration.gvariant import NoValue

CHARACTERS = 200
NAMES = 1000
"""How long a choice may be, and how many of them there may be, with other names for them."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The names that a value may have, each with its number, and other names for some of them."""

    values: tuple[tuple[str, int], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(values: Iterable[tuple[str, int]]) -> Choices:
        """Return choices without other names. Raises `NoValue`."""
        found = tuple(values)
        if len(found) > NAMES:
            raise NoValue("there are too many choices")
        return Choices(found)

    def with_alias(self, name: str, target: str) -> Choices:
        """Return the choices with another name for one of them. Raises `NoValue`."""
        if len(self.aliases) >= NAMES:
            raise NoValue(f"{name[:80]!r} is one name too many")
        if target not in dict(self.values):
            raise NoValue(f"{name} is another name of {target}, which is no choice")
        return Choices(self.values, (*self.aliases, (name, target)))

    def words(self) -> list[int]:
        """Return the words: before each name its number, or where the one is that it stands for."""
        found: list[int] = []
        places: dict[str, int] = {}
        for name, number in self.values:
            places.setdefault(name, len(found))
            found += [number & 0xFFFFFFFF, *_name(name, 0xFF)]
        for name, target in self.aliases:
            found += [places[target], *_name(name, 0xFE)]
        return found


def _name(name: str, mark: int) -> tuple[int, ...]:
    """Return a name in words: a mark, the bytes, and 0xff as the last byte."""
    data = name.encode()
    if not 0 < len(data) <= CHARACTERS:
        raise NoValue(f"{name[:80]!r} is no name of a choice")
    count = max(2, (len(data) + 6) >> 2)
    return struct.unpack(f"<{count}I", (bytes([mark]) + data).ljust(4 * count - 1, b"\0") + b"\xff")
