"""Reads mime.cache as xdgmimecache.c does, into plain values."""

from __future__ import annotations

import struct


class Cache:
    """The parts of a cache. What programs search in halves is held to be in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        assert struct.unpack_from(">HH", data) == (1, 2)
        alias, parents, literals, suffixes, globs, magic, spaces, icons, generic = struct.unpack_from(">9I", data, 4)
        self.aliases = self._searched(alias, 2)
        self.parents = [
            (self._text(kind), sorted(self._text(one) for (one,) in self._rows(place, 1)))
            for kind, place in self._rows(parents, 2)
        ]
        assert self.parents == sorted(self.parents)
        self.literals = sorted((self._text(a), self._text(b), c) for a, b, c in self._rows(literals, 3))
        self.globs = sorted((self._text(a), self._text(b), c) for a, b, c in self._rows(globs, 3))
        self.suffixes = sorted(self._tree("", *struct.unpack_from(">2I", data, suffixes)))
        count, self.extent, first = struct.unpack_from(">3I", data, magic)
        self.magic = []
        for at in range(first, first + 16 * count, 16):
            priority, kind, *below = struct.unpack_from(">4I", data, at)
            self.magic.append((priority, self._text(kind), self._matchlets(*below)))
        self.spaces = self._searched(spaces, 3)
        self.icons = self._searched(icons, 2)
        self.generic_icons = self._searched(generic, 2)

    def values(self) -> dict[str, object]:
        """Return all parts."""
        return {name: value for name, value in vars(self).items() if name != "_data"}

    def _rows(self, at: int, width: int) -> list[tuple[int, ...]]:
        (count,) = struct.unpack_from(">I", self._data, at)
        step = 4 * width
        return [struct.unpack_from(f">{width}I", self._data, at + 4 + step * number) for number in range(count)]

    def _searched(self, at: int, width: int) -> list[tuple[str, ...]]:
        found = [tuple(map(self._text, row)) for row in self._rows(at, width)]
        assert found == sorted(found)
        return found

    def _text(self, at: int) -> str:
        return self._data[at : self._data.index(b"\0", at)].decode()

    def _tree(self, suffix: str, count: int, first: int) -> list[tuple[str, str, int]]:
        nodes = [struct.unpack_from(">3I", self._data, first + 12 * number) for number in range(count)]
        assert [node[0] for node in nodes] == sorted(node[0] for node in nodes)
        found = []
        for character, one, other in nodes:
            if character:
                found += self._tree(chr(character) + suffix, one, other)
            else:
                found.append((suffix, self._text(one), other))
        return found

    def _matchlets(self, count: int, first: int) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for number in range(count):
            start, length, word, size, value, mask, *below = struct.unpack_from(">8I", self._data, first + 32 * number)
            masked = self._data[mask : mask + size] if mask else b""
            found.append((start, length, word, self._data[value : value + size], masked, self._matchlets(*below)))
        return found
