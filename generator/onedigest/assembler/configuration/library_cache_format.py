"""The bytes of /etc/ld.so.cache as glibc 2.33 and later write it (sysdeps/generic/dl-cache.h in its source)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
_HEADER = struct.Struct("<20sIIB3xI12x")
_ENTRY = struct.Struct("<iIIIQ")
_EXTENSIONS = struct.Struct("<II")
_EXTENSION = struct.Struct("<IIII")
_EXTENSION_MAGIC = 0xEAA42174
_GENERATOR, _HWCAPS = 0, 1
_NAMED = 1 << 62
"""Says that an entry is for machines with some capabilities, which the low bits number."""
_TOKEN = re.compile(rb"[0-9]+|[^0-9]")
_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class Library:
    """A line of the cache: the file at `path` is what is meant by `name`.

    `capabilities` names a folder in `glibc-hwcaps` with `isa_level`, or is empty with `mask`, that of older folders.
    """

    name: bytes
    path: bytes
    flags: int
    capabilities: bytes = b""
    isa_level: int = 0
    mask: int = 0


def cache_bytes(libraries: Iterable[Library], names: Iterable[bytes], generator: bytes, *, signed: bool) -> bytes:
    """Return the whole file.

    `names` are further ones that stand in it. `generator` is what ldconfig calls itself. `signed` says that its
    machine has signed characters, by which names are sorted that are not ASCII.
    """
    rows = _sorted(libraries, signed=signed)
    used = sorted({row.capabilities for row in rows if row.capabilities})
    texts = {*names, *used, *(text for row in rows for text in (row.name, row.path))}
    strings, places = _strings(texts)
    first = _HEADER.size + len(rows) * _ENTRY.size
    entries = b"".join(
        _ENTRY.pack(row.flags, first + places[row.name], first + places[row.path], 0, _hwcap(row, used)) for row in rows
    )
    end = -(-(first + len(strings)) // 4) * 4
    header = _HEADER.pack(_MAGIC, len(rows), len(strings), _LITTLE_ENDIAN, end)
    body = (header + entries + strings).ljust(end, b"\0")
    return body + _extensions(end, [first + places[name] for name in used], generator)


def _sorted(libraries: Iterable[Library], *, signed: bool) -> list[Library]:
    """Return the order in which the dynamic linker searches: by name, the last first; the best of a name first."""
    rows = sorted(libraries, key=lambda row: (row.mask.bit_count(), row.mask), reverse=True)
    keys = {name: name_order(name, signed=signed) for name in {row.name for row in rows}}
    # sorting keeps the order of equal ones, also when it is turned round
    rows.sort(key=lambda row: (not row.capabilities, row.capabilities))
    rows.sort(key=lambda row: (keys[row.name], row.flags), reverse=True)
    return rows


def name_order(name: bytes, *, signed: bool) -> tuple[tuple[int, int], ...]:
    """Return the sort key of a name: its numbers count as numbers, which come after all else."""

    def key(token: bytes) -> tuple[int, int]:
        if token.isdigit():
            # an int of C, which overflows: digits further up move it by a multiple of its range
            return 1, (int(token[-32:]) + _WORD // 2) % _WORD - _WORD // 2
        return 0, token[0] - 256 if signed and token[0] > 127 else token[0]

    return (*map(key, _TOKEN.findall(name)), (0, 0))


def _strings(texts: Iterable[bytes]) -> tuple[bytes, dict[bytes, int]]:
    """Return a table of texts that end with NUL, and the place of each: at the end of another where it is that."""
    ordered = sorted(texts, key=lambda text: text[::-1], reverse=True)
    table, places, last = bytearray(), {}, b""
    for text in ordered:
        if not table or not last.endswith(text):
            table += text + b"\0"
        places[text] = len(table) - 1 - len(text)
        last = text
    return bytes(table), places


def _hwcap(row: Library, used: Sequence[bytes]) -> int:
    return _NAMED | row.isa_level << 32 | used.index(row.capabilities) if row.capabilities else row.mask


def _extensions(start: int, hwcaps: Sequence[int], generator: bytes) -> bytes:
    """Return what stands behind the strings: who wrote the file, and the names of capabilities by their places."""
    count = 2 if hwcaps else 1
    here = start + _EXTENSIONS.size + count * _EXTENSION.size
    array = struct.pack(f"<{len(hwcaps)}I", *hwcaps)
    sections = _EXTENSION.pack(_GENERATOR, 0, here + len(array), len(generator))
    if hwcaps:
        sections += _EXTENSION.pack(_HWCAPS, 0, here, len(array))
    return _EXTENSIONS.pack(_EXTENSION_MAGIC, count) + sections + array + generator
