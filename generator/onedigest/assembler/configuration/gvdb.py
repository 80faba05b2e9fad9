"""The file format of GVDB: hash tables of values and further tables, as GLib's gvdb-builder.c writes it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import accumulate

NO_ITEM = 0xFFFFFFFF

Table = Mapping[str, "bytes | Table"]
"""What is in a table by its key: a serialised variant, or another table.

The key "" stands for the list of the other keys, but for those that begin with a dot.
"""


def file_bytes(root: Table) -> bytes:
    """Return a file with a table."""
    chunks = _Chunks()
    start, end = chunks.table(root)
    return struct.pack("<8sIIII", b"GVariant", 0, 0, start, end) + bytes(chunks.data[24:])


class _Chunks:
    """What is written so far; the header takes the first bytes."""

    def __init__(self) -> None:
        self.data = bytearray(24)

    def _put(self, data: bytes, multiple: int) -> tuple[int, int]:
        self.data.extend(bytes(-len(self.data) % multiple))
        start = len(self.data)
        self.data.extend(data)
        return start, len(self.data)

    def table(self, content: Table) -> tuple[int, int]:
        """Write a table and all that is in it; return where it is."""
        count = len(content)
        keys = sorted(content, key=lambda key: (_hash(key) % count, key))
        number = {key: at for at, key in enumerate(keys)}
        size = 8 + 4 * count + 24 * count
        start, end = self._put(bytes(size), 4)
        firsts = [0] * (count + 1)
        for key in keys:
            firsts[_hash(key) % count + 1] += 1
        struct.pack_into(f"<II{count}I", self.data, start, 0, count, *accumulate(firsts[:-1]))
        for key in keys:
            listed = "" in content and key != "" and not key.startswith(".")
            name, _ = self._put(key.encode(), 1)
            kind, place = self._value(key, content, number)
            parent = number[""] if listed else NO_ITEM
            head = struct.pack("<IIIHcx", _hash(key), parent, name, len(key.encode()), kind)
            struct.pack_into("<16sII", self.data, start + 8 + 4 * count + 24 * number[key], head, *place)
        return start, end

    def _value(self, key: str, content: Table, number: Mapping[str, int]) -> tuple[bytes, tuple[int, int]]:
        value = content[key]
        if key == "":
            children = sorted(at for name, at in number.items() if name != "" and not name.startswith("."))
            return b"L", self._put(struct.pack(f"<{len(children)}I", *children), 4)
        if isinstance(value, bytes):
            return b"v", self._put(value, 8)
        return b"H", self.table(value)


def _hash(key: str) -> int:
    """Return the hash of a key, whose bytes count as signed (gvdb-builder.c, `djb_hash`)."""
    value = 5381
    for byte in key.encode():
        value = (value * 33 + (byte - 256 if byte > 127 else byte)) & 0xFFFFFFFF
    return value
