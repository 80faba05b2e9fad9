"""The data of a shared library as the dynamic loader leaves it in memory (System V ABI, 64 bits)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

RELOCATIONS = 200_000
TEXT_BYTES = 256
"""Bounds of a library: its relocations, and a text that is read out of it."""

_LOAD, _DYNAMIC = 1, 2
_STRTAB, _SYMTAB, _RELA, _RELASZ, _GNU_HASH = 5, 6, 7, 8, 0x6FFFFEF5
_RELATIVE = {62: 8, 183: 1027}
_ABSOLUTE = {62: (1, 6), 183: (257, 1025)}
"""Types of relocations by machine (psABI of x86-64 and AArch64): the base added, and the address of a symbol."""


class NoLibrary(ValueError):
    """The file is no shared library that can be read."""


class Library:
    """A shared library that is loaded at address 0."""

    def __init__(self, data: bytes) -> None:
        """Read the headers of a file. Raises `NoLibrary`."""
        if data[:6] != b"\x7fELF\x02\x01":  # 64 bits, little endian
            raise NoLibrary("not an ELF file of 64 bits")
        self._data = data
        self._machine = self._unpack("<H", 18)[0]
        start, size, count = self._unpack("<Q", 32)[0], *self._unpack("<HH", 54)
        headers = [self._unpack("<IIQQQQ", start + number * size) for number in range(count)]
        self._segments = [(address, offset, held) for kind, _, offset, address, _, held in headers if kind == _LOAD]
        dynamic = next((header for header in headers if header[0] == _DYNAMIC), None)
        if dynamic is None:
            raise NoLibrary("not linked dynamically")
        self._dynamic = dict(self._pairs(dynamic[2], dynamic[5]))
        self._words = self._relocated()

    def symbol(self, name: str) -> int:
        """Return the address of a symbol that the library exports, by its hash table. Raises `NoLibrary`."""
        table = self._offset(self._tag(_GNU_HASH))
        buckets, first, bloom = self._unpack("<III", table)
        sought = name.encode()
        key = 5381
        for byte in sought:
            key = (key * 33 + byte) & 0xFFFFFFFF
        chains = table + 16 + 8 * bloom + 4 * buckets
        number = self._unpack("<I", chains - 4 * (buckets - key % buckets))[0] if buckets else 0
        while number >= first and number:
            found = self._unpack("<I", chains + 4 * (number - first))[0]
            if found | 1 == key | 1 and self._symbol_name(number) == sought:
                return self._symbol_address(number)
            number = 0 if found & 1 else number + 1
        raise NoLibrary(f"no symbol {name}")

    def pointer(self, address: int) -> int:
        """Return the pointer at an address, 0 for none. Raises `NoLibrary`."""
        relocated = self._words.get(address)
        return self._unpack("<Q", self._offset(address))[0] if relocated is None else relocated

    def number(self, address: int) -> int:
        """Return the C `int` at an address. Raises `NoLibrary`."""
        return int(self._unpack("<i", self._offset(address))[0])

    def text(self, address: int) -> str:
        """Return the string at an address. Raises `NoLibrary`."""
        start = self._offset(address)
        end = self._data.find(b"\0", start, start + TEXT_BYTES)
        if end < 0:
            raise NoLibrary("a text without an end")
        return self._data[start:end].decode("utf-8", "replace")

    def _relocated(self) -> Mapping[int, int]:
        """Return the words that the loader writes, by their addresses."""
        size = self._dynamic.get(_RELASZ, 0)
        if size > 24 * RELOCATIONS:
            raise NoLibrary("too many relocations")
        start = self._offset(self._dynamic[_RELA]) if size and _RELA in self._dynamic else 0
        words = {}
        for at in range(start, start + size, 24):
            address, info, addend = self._unpack("<QQq", at)
            kind, number = info & 0xFFFFFFFF, info >> 32
            if kind == _RELATIVE.get(self._machine):
                words[address] = addend
            elif kind in _ABSOLUTE.get(self._machine, ()):
                value = self._symbol_address(number)
                words[address] = value + addend if value else 0
        return words

    def _symbol_name(self, number: int) -> bytes:
        start = self._offset(self._tag(_STRTAB)) + self._unpack("<I", self._symbol_offset(number))[0]
        return self._data[start : self._data.find(b"\0", start, start + TEXT_BYTES)]

    def _symbol_address(self, number: int) -> int:
        """Return where a symbol is, 0 for one of another library."""
        return int(self._unpack("<Q", self._symbol_offset(number) + 8)[0])

    def _symbol_offset(self, number: int) -> int:
        return self._offset(self._tag(_SYMTAB)) + 24 * number

    def _tag(self, tag: int) -> int:
        if tag not in self._dynamic:
            raise NoLibrary(f"no dynamic entry {tag:#x}")
        return self._dynamic[tag]

    def _pairs(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        for at in range(offset, min(offset + size, len(self._data)), 16):
            tag, value = self._unpack("<QQ", at)
            if not tag:
                return
            yield tag, value

    def _offset(self, address: int) -> int:
        """Return where in the file the content of an address is."""
        for start, offset, held in self._segments:
            if start <= address < start + held:
                return offset + address - start
        raise NoLibrary(f"nothing is loaded at {address:#x}")

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        if not 0 <= at <= len(self._data) - struct.calcsize(form):
            raise NoLibrary("it ends too early")
        return struct.unpack_from(form, self._data, at)
