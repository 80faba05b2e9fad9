"""The file mime.cache, which programs map into memory (Shared MIME-info Database, section 2.9)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from itertools import groupby

from onedigest.assembler.configuration.mime_types import Glob, Magic, Matchlet, Types

_EXACT = 0x100
_SPECIAL = re.compile(r"[*?\[]")


def cache_bytes(types: Types, magic: Sequence[Magic]) -> bytes:
    """Return the file; `magic` is in the order in which programs are to look."""
    file = _File()
    globs = sorted({(glob.pattern, kind, _flags(glob)) for kind, found in types.globs.items() for glob in found})
    literals = [row for row in globs if not _SPECIAL.search(row[0])]
    suffixes = [row for row in globs if row[0].startswith("*") and not _SPECIAL.search(row[0][1:])]
    known = {*literals, *suffixes}
    others = [row for row in globs if row not in known]
    file.fill(4, file.pairs(types.aliases.items()))
    parents = [(kind, file.words([len(of), *map(file.text, of)])) for kind, of in sorted(types.parents.items())]
    file.fill(8, file.rows([file.text(kind), place] for kind, place in parents))
    file.fill(12, file.rows([file.text(name), file.text(kind), flags] for name, kind, flags in literals))
    tree = file.suffixes((pattern[1:], kind, flags) for pattern, kind, flags in suffixes)
    file.fill(16, file.words(tree))
    file.fill(20, file.rows([file.text(name), file.text(kind), flags] for name, kind, flags in others))
    extent = max((_extent(match) for each in magic for match in each.matches), default=0)
    found = [[each.priority, file.text(each.kind), *file.matchlets(each.matches)] for each in magic]
    file.fill(24, file.words([len(found), extent, file.words(_flat(found))]))
    spaces = sorted(types.spaces.items())
    file.fill(28, file.rows([file.text(uri), file.text(name), file.text(kind)] for (uri, name), kind in spaces))
    file.fill(32, file.pairs(types.icons.items()))
    file.fill(36, file.pairs(types.generic_icons.items()))
    return bytes(file.data)


class _File:
    """What is written so far, after the header; each text is there once."""

    def __init__(self) -> None:
        self.data = bytearray(struct.pack(">HH", 1, 2)) + bytes(36)
        self._texts: dict[bytes, int] = {}

    def fill(self, at: int, value: int) -> None:
        struct.pack_into(">I", self.data, at, value)

    def text(self, text: str) -> int:
        return self._held(text.encode() + b"\0")

    def _held(self, data: bytes) -> int:
        if data not in self._texts:
            self._texts[data] = len(self.data)
            self.data.extend(data + bytes(-len(data) % 4))
        return self._texts[data]

    def words(self, words: Sequence[int]) -> int:
        """Write numbers; return where they are."""
        start = len(self.data)
        self.data.extend(struct.pack(f">{len(words)}I", *words))
        return start

    def rows(self, rows: Iterable[Sequence[int]]) -> int:
        """Write a count and rows of numbers."""
        found = list(rows)
        return self.words([len(found), *_flat(found)])

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> int:
        return self.rows([self.text(one), self.text(other)] for one, other in sorted(pairs))

    def suffixes(self, rows: Iterable[tuple[str, str, int]]) -> list[int]:
        """Write a tree of suffixes, from their last characters on; return how many nodes it begins with, and where."""
        nodes = []
        for last, group in groupby(sorted(rows, key=lambda row: (row[0][-1:], row[1:2])), key=lambda row: row[0][-1:]):
            inside = list(group)
            if last:
                below = self.suffixes((suffix[:-1], kind, flags) for suffix, kind, flags in inside)
                nodes.append([ord(last), *below])
            else:
                nodes += [[0, self.text(kind), flags] for _, kind, flags in inside]
        return [len(nodes), self.words(_flat(nodes))]

    def matchlets(self, matchlets: Sequence[Matchlet]) -> list[int]:
        rows = []
        for each in matchlets:
            value = self._held(each.value)
            mask = self._held(each.mask) if each.mask else 0
            below = self.matchlets(each.parts) if each.parts else [0, 0]
            rows.append([each.start, each.length, each.word, len(each.value), value, mask, *below])
        return [len(rows), self.words(_flat(rows))]


def _flat(rows: Iterable[Sequence[int]]) -> list[int]:
    return [number for row in rows for number in row]


def _flags(glob: Glob) -> int:
    return glob.weight | (_EXACT if glob.exact else 0)


def _extent(match: Matchlet) -> int:
    return max([match.start + match.length + len(match.value), *map(_extent, match.parts)])
