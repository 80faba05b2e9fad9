"""Knows how to write small ELF files, which say of themselves what a test wants."""

from __future__ import annotations

import struct
from collections.abc import Sequence

X86_64, AARCH64, I386, ARM = 62, 183, 3, 40


def elf_file(
    soname: str | None = None,
    *,
    needed: Sequence[str] = (),
    runpath: str | None = None,
    rpath: str | None = None,
    interpreter: str | None = None,
    machine: int = X86_64,
    bits: int = 64,
    flags: int = 0,
    kind: int = 3,
    isa_needed: int | None = None,
    moved: int = 0,
) -> bytes:
    """Write a file of a header, its segments, notes, strings and the dynamic section, with nothing to run.

    Addresses are `moved` from the places in the file. `isa_needed` are bits of what it needs of an x86 machine.
    """
    strings = bytearray(b"\0")
    pairs = []
    for tag, names in ((1, needed), (14, [soname]), (15, [rpath]), (29, [runpath])):
        for name in names:
            if name is not None:
                pairs.append((tag, len(strings)))
                strings += name.encode() + b"\0"
    wide = bits == 64
    start, entry, word = (64, 56, 8) if wide else (52, 32, 4)
    count = 2 + (interpreter is not None) + (isa_needed is not None)
    at = start + count * entry
    pieces, segments = bytearray(), []

    def add(data: bytes, segment: int, align: int) -> int:
        pieces.extend(bytes(-(at + len(pieces)) % align))
        place = at + len(pieces)
        pieces.extend(data)
        segments.append((segment, place, len(data), align))
        return place

    if interpreter is not None:
        add(interpreter.encode() + b"\0", 3, 1)
    if isa_needed is not None:
        value = struct.pack("<III", 0xC0008002, 4, isa_needed).ljust(16 if wide else 12, b"\0")
        add(struct.pack("<III", 4, len(value), 5) + b"GNU\0" + value, 0x6474E553, word)
    place = at + len(pieces)
    pieces += strings
    pair = struct.Struct("<QQ" if wide else "<II")
    add(b"".join(pair.pack(*each) for each in [*pairs, (5, place + moved), (0, 0)]), 2, word)
    segments.insert(0, (1, 0, at + len(pieces), 4096))
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    form = "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH"
    header = ident + struct.pack(form, kind, machine, 1, 0, start, 0, flags, start, entry, count, 0, 0, 0)
    table = b""
    for number, place, size, align in segments:
        if wide:
            table += struct.pack("<IIQQQQQQ", number, 4, place, place + moved, place + moved, size, size, align)
        else:
            table += struct.pack("<IIIIIIII", number, place, place + moved, place + moved, size, size, 4, align)
    return header + table + bytes(pieces)
