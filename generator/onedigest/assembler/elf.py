"""The header and the dynamic section of an ELF file (System V ABI, chapters 4 and 5; gABI of x86)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

from onedigest.assembler.entry import Content, Entry
from onedigest.assembler.spool import Spooled

SHARED = 3
"""`kind` of a shared object, which programs at movable places are too (ET_DYN)."""
EXECUTABLE = 2
"""`kind` of a program at a fixed place (ET_EXEC)."""

I386, X86_64, AARCH64 = 3, 62, 183
"""Numbers of machines."""

_MAGIC = b"\x7fELF"
_SMALLEST = 64
"""Size of the header of 64 bits: smaller files are no libraries."""
_HEAD = 64 << 10
"""What is read at first: it holds the program headers of nearly all files."""
_SEGMENTS = 1024
_NOTES = 64 << 10
_DYNAMIC = 1 << 20
_NAME, _NAMES = 4096, 1024
"""Bounds of what a file may say of itself; beyond them it counts as not dynamic."""

_DYNAMIC_SEGMENT, _INTERPRETER, _LOADED, _PROPERTIES = 2, 3, 1, 0x6474E553
_NEEDED, _STRINGS, _SONAME = 1, 5, 14
_TEXTS = (_NEEDED, _SONAME)
_NOTE, _PROPERTY = struct.Struct("<III"), struct.Struct("<II")
_PROPERTY_NOTE, _ISA_NEEDED = 5, 0xC0008002


@dataclass(frozen=True, slots=True)
class Elf:
    """What an ELF file says of itself: `bits` is 32 or 64, `kind` is its e_type and `flags` its e_flags.

    `soname` is None where it has none.
    `isa_level` is what it asks of an x86 machine, where 1 stands for x86-64-v2. A file that is not `dynamic` has no
    dynamic section that a linker could use.
    """

    bits: int
    machine: int
    flags: int
    kind: int
    dynamic: bool = False
    interpreter: str = ""
    soname: str | None = None
    needed: tuple[str, ...] = ()
    isa_level: int = 0


@runtime_checkable
class Known(Protocol):
    """The content of a file that was looked at elsewhere; not all of it need be here."""

    @property
    def elf(self) -> Elf | None:
        """What the whole file says of itself."""


class _Read(Protocol):
    def __call__(self, *ranges: tuple[int, int]) -> list[bytes]:
        """Return what is at each (offset, size), shorter where the file ends."""


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int
    align: int


class _Form(NamedTuple):
    """How numbers are laid out in a file of so many bits; `fields` are those of a segment among its numbers."""

    header: struct.Struct
    segment: struct.Struct
    fields: tuple[int, int, int, int, int]
    pair: struct.Struct
    align: int


_FORMS = {
    32: _Form(struct.Struct("<16xHHIIIIIHHH"), struct.Struct("<8I"), (0, 1, 2, 4, 7), struct.Struct("<II"), 4),
    64: _Form(struct.Struct("<16xHHIQQQIHHH"), struct.Struct("<IIQQQQQQ"), (0, 2, 3, 5, 7), struct.Struct("<QQ"), 8),
}


def elf_of(content: bytes | Content) -> Elf | None:
    """Read a file; None for what is no ELF file of little-endian numbers.

    Little of it is in memory at once. Content that can be read at any place is; other content is read from its start
    up to three times, no further than needed.
    """
    if isinstance(content, bytes):
        return _elf(lambda *ranges: [content[offset : offset + size] for offset, size in ranges])
    if isinstance(content, Known):
        return content.elf
    if isinstance(content, Spooled):
        return _elf(lambda *ranges: [content.part(offset, size) for offset, size in ranges])
    return _elf(lambda *ranges: _parts(content, ranges))


def elf_of_entry(entry: Entry) -> Elf | None:
    """Read the file of an entry as `elf_of` does; None for a directory or a link."""
    if entry.kind != "file" or (entry.size <= len(_MAGIC) and not isinstance(entry.content, Known)):
        return None
    return elf_of(entry.content)


def _parts(content: Content, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    found = [bytearray() for _ in ranges]
    end, at = max(offset + size for offset, size in ranges), 0
    for piece in content.pieces():
        for kept, (offset, size) in zip(found, ranges, strict=True):
            kept.extend(piece[max(0, offset - at) : max(0, offset + size - at)])
        at += len(piece)
        if at >= end:
            break
    return [bytes(each) for each in found]


def _elf(read: _Read) -> Elf | None:
    (head,) = read((0, _HEAD))
    if head[:4] != _MAGIC or len(head) < _SMALLEST or head[4] not in (1, 2) or head[5] != 1:
        return None
    bits = 32 * head[4]
    form = _FORMS[bits]
    kind, machine, _, _, start, _, flags, _, _, count = form.header.unpack_from(head)
    elf = Elf(bits, machine, flags, kind)
    size = min(count, _SEGMENTS) * form.segment.size
    table = head[start : start + size] if start + size <= _HEAD else read((start, size))[0]
    if len(table) < size or count > _SEGMENTS:
        return elf
    rows = list(form.segment.iter_unpack(table))
    segments = [_Segment(*(row[field] for field in form.fields)) for row in rows]
    return _with_dynamic(read, form, segments, _with_notes(read, form, segments, elf))


def _with_notes(read: _Read, form: _Form, segments: Sequence[_Segment], elf: Elf) -> Elf:
    """Add the interpreter and what is asked of the machine."""
    interpreter = [each for each in segments if each.kind == _INTERPRETER][-1:]
    # notes that are not aligned as they should be do not count
    notes = [each for each in segments if each.kind == _PROPERTIES and each.align == form.align][:1]
    wanted = [*((each.offset, _NAME) for each in interpreter), *((each.offset, _NOTES) for each in notes)]
    found = read(*wanted) if wanted else []
    if interpreter:
        elf = replace(elf, interpreter=_text(found[0].partition(b"\0")[0]))
    if notes:
        elf = replace(elf, isa_level=_isa_level(found[-1][: notes[0].size], form.align))
    return elf


def _isa_level(notes: bytes, align: int) -> int:
    """Return the highest bit of the property that names what an x86 file needs, of the first note that has any."""
    at = 0
    while at + 12 < len(notes):
        name_size, size, kind = _NOTE.unpack_from(notes, at)
        if (name_size, kind) == (4, _PROPERTY_NOTE) and notes[at + 12 : at + 16] == b"GNU\0":
            return _isa_property(notes[at + 16 : at + 16 + size], align)
        at += _aligned(_aligned(12 + name_size, align) + size, align)
    return 0


def _isa_property(properties: bytes, align: int) -> int:
    at = last = 0
    while at + 8 <= len(properties):
        kind, size = _PROPERTY.unpack_from(properties, at)
        value = properties[at + 8 : at + 8 + size]
        if kind < last or kind > _ISA_NEEDED or len(value) < size:
            break
        if kind == _ISA_NEEDED:
            return max(0, int.from_bytes(value, "little").bit_length() - 1) if size == 4 else 0
        at, last = at + 8 + _aligned(size, align), kind
    return 0


def _with_dynamic(read: _Read, form: _Form, segments: Sequence[_Segment], elf: Elf) -> Elf:
    """Add what the dynamic section names; nothing where a name lies outside of the file, or there are too many."""
    dynamic = [each for each in segments if each.kind == _DYNAMIC_SEGMENT][-1:]
    if not dynamic or not 0 < dynamic[0].size <= _DYNAMIC:
        return elf
    (table,) = read((dynamic[0].offset, dynamic[0].size))
    pairs = []
    for tag, value in form.pair.iter_unpack(table[: len(table) // form.pair.size * form.pair.size]):
        if tag == 0:
            break
        pairs.append((tag, value))
    address = next((value for tag, value in pairs if tag == _STRINGS), None)
    named = [(tag, value) for tag, value in pairs if tag in _TEXTS]
    if address is None or len(named) > _NAMES:
        return elf
    strings = address - _moved(segments, address)
    if strings < 0:
        return elf
    texts = read(*((strings + value, _NAME) for _, value in named)) if named else []
    if any(b"\0" not in text for text in texts):
        return elf
    found: dict[int, list[str]] = {tag: [] for tag in _TEXTS}
    for (tag, _), text in zip(named, texts, strict=True):
        found[tag].append(_text(text.partition(b"\0")[0]))
    return replace(
        elf,
        dynamic=True,
        soname=next(iter(found[_SONAME]), None),
        needed=tuple(found[_NEEDED]),
    )


def _moved(segments: Sequence[_Segment], address: int) -> int:
    """Return how far what is at an address is from its place in the file."""
    for each in segments:
        if each.kind == _LOADED and 0 <= address - each.address < each.size:
            return each.address - each.offset
    return 0


def _aligned(size: int, align: int) -> int:
    return -(-size // align) * align


def _text(name: bytes) -> str:
    """Return a name, whatever its bytes are."""
    return name.decode("utf-8", "surrogateescape")
