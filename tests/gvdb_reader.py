"""Reads GVDB as GLib's gvdb-reader.c does: by the hash of a key, and the list of all keys."""

from __future__ import annotations

import hashlib
import struct

Table = dict[str, "bytes | Table | list[str]"]


def read_gvdb(data: bytes) -> Table:
    """Return the root table; values are serialised variants."""
    magic, version, _, start, end = struct.unpack_from("<8sIIII", data)
    assert (magic, version) == (b"GVariant", 0)
    return _table(data, start, end)


def _table(data: bytes, start: int, end: int) -> Table:
    assert start % 4 == 0
    bloom, buckets = struct.unpack_from("<II", data, start)
    items = start + 8 + 4 * (bloom & 0x7FFFFFF) + 4 * buckets
    rows = [struct.unpack_from("<IIIHcxII", data, at) for at in range(items, end, 24)]
    firsts = [*struct.unpack_from(f"<{buckets}I", data, items - 4 * buckets), len(rows)]

    def key(number: int) -> str:
        _, parent, name, size, *_ = rows[number]
        return ("" if parent == 0xFFFFFFFF else key(parent)) + data[name : name + size].decode()

    found: Table = {}
    for number, (hashed, _, _, _, kind, first, last) in enumerate(rows):
        name = key(number)
        assert hashed == _hash(name)
        assert firsts[hashed % buckets] <= number < firsts[hashed % buckets + 1]  # where a look-up finds it
        if kind == b"H":
            found[name] = _table(data, first, last)
        elif kind == b"v":
            assert first % 8 == 0
            found[name] = data[first:last]
        else:
            found[name] = sorted(map(key, struct.unpack(f"<{(last - first) // 4}I", data[first:last])))
    return found


def _hash(key: str) -> int:
    value = 5381
    for byte in struct.unpack(f"{len(key.encode())}b", key.encode()):
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def digest_of(table: Table) -> str:
    """Return a digest of what is in a table, whatever its order in the file."""
    return hashlib.sha256(_text(table).encode()).hexdigest()


def _text(value: bytes | list[str] | Table) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_text(value[key])}' for key in sorted(value))}}}"
    return repr(value)
