"""Knows how to read a zip file's directory and to refuse every file that two readers could understand differently."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import NamedTuple

from onedigest.assembler.entry import check_path
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar import FILE_BYTES
from onedigest.assembler.zip_member import DEFLATED, Inflater, Member, WheelFile

# APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (central header), 4.3.14 to 4.3.16 (end records)
_CENTRAL = struct.Struct("<4s4xHHxxxxIIIHHHHHII")
_LOCAL = struct.Struct("<4s2xHH4xIIIHH")
_END_BYTES = 22
_ENCRYPTED = 0x2041
_STREAMED = 0x0008
_UTF8 = 0x0800
_SAME_FLAGS = _ENCRYPTED | _STREAMED | _UTF8
_STORED = 0
_EXTRA_GUESS = 64


class _Record(NamedTuple):
    """What a central header says of a member."""

    raw_name: bytes
    label: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def read(path: Path, inflater: Inflater | None = None) -> list[Member]:
    """Return the file members of a zip file in directory order, with local headers checked against the directory.

    Raises `Refused` for whatever layer format, section 4 does not allow.
    """
    file = WheelFile(path, inflater)
    start, count, end = _central_directory(file)
    directory, at = file.read(start, end - start), 0
    members: list[tuple[int, Member]] = []
    seen: set[str] = set()
    for _ in range(count):
        if directory[at : at + 4] != b"PK\1\2" or at + _CENTRAL.size > len(directory):
            raise Refused("zip", f"{path.name}: broken central directory")
        length, member, offset = _member(file, directory, at)
        at += length
        if member.name in seen:
            raise Refused("duplicate", f"{member.label}: twice in the zip file")
        seen.add(member.name)
        if member.offset + member.packed > start:
            raise Refused("zip", f"{member.label}: reaches into the central directory")
        members.append((offset, member))
    if at != len(directory):
        raise Refused("zip", f"{path.name}: the central directory has another size than declared")
    _check_overlap(members)
    return [member for _, member in members if not member.name.endswith("/")]


def _check_overlap(members: list[tuple[int, Member]]) -> None:
    reached = 0
    for offset, member in sorted(members, key=lambda pair: pair[0]):
        if offset < reached:
            raise Refused("zip", f"{member.label}: overlaps another member")
        reached = member.offset + member.packed


def _member(file: WheelFile, directory: bytes, at: int) -> tuple[int, Member, int]:
    """Return the length of the central header at `at`, its member, and the offset of the local header."""
    fields = _CENTRAL.unpack_from(directory, at)
    _, flags, method, crc, packed, size, name_size, extra_size, note_size, disk, _, attributes, offset = fields
    name_end = at + _CENTRAL.size + name_size
    raw_name = directory[at + _CENTRAL.size : name_end]
    name = _member_name(file.name, raw_name, flags)
    label = f"{file.name}: {name}"
    if flags & _ENCRYPTED:
        raise Refused("encrypted", f"{label}: encrypted")
    if method not in (_STORED, DEFLATED):
        raise Refused("method", f"{label}: compression method {method}")
    extra = directory[name_end : name_end + extra_size]
    size, packed, offset, disk = _widened(label, extra, [(size, 4), (packed, 4), (offset, 4), (disk, 2)])
    if disk:
        raise Refused("zip", f"{label}: on another disk")
    if size > FILE_BYTES:
        raise Refused("limit", f"{label}: {size} bytes, the limit is {FILE_BYTES}")
    if method == _STORED and packed != size:
        raise Refused("size", f"{label}: stored, but its two sizes differ")
    data = _data_offset(file, _Record(raw_name, label, flags, method, crc, packed, size, offset))
    mode = attributes >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
        raise Refused("type", f"{label}: not a regular file")
    if name.endswith("/") and size:
        raise Refused("type", f"{label}: a directory with content")
    member = Member(file, label, name, method, crc, packed, size, data, mode)
    return name_end + extra_size + note_size - at, member, offset


def _data_offset(file: WheelFile, record: _Record) -> int:
    """Check the local header against the central directory; return where the data starts."""
    guess = min(_LOCAL.size + len(record.raw_name) + _EXTRA_GUESS, max(file.size - record.offset, _LOCAL.size))
    local = file.read(record.offset, guess)
    magic, flags, method, crc, packed, size, name_size, extra_size = _LOCAL.unpack_from(local)
    end = _LOCAL.size + name_size + extra_size
    if end > len(local):
        local = file.read(record.offset, end)
    name_end = _LOCAL.size + name_size
    same = magic == b"PK\3\4" and local[_LOCAL.size : name_end] == record.raw_name and method == record.method
    if same and not flags & _STREAMED:
        wide = _widened(record.label, local[name_end:end], [(size, 4), (packed, 4)])
        same = (crc, *wide) == (record.crc, record.size, record.packed)
    if not same or (flags ^ record.flags) & _SAME_FLAGS:
        raise Refused("zip", f"{record.label}: local header and central directory differ")
    return record.offset + int(end)


def _member_name(wheel: str, raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise Refused("name", f"{wheel}: member name {raw!r} is not marked as, or not valid, UTF-8") from None
    check_path(wheel, name.removesuffix("/"))
    return name


def _widened(label: str, extra: bytes, fields: list[tuple[int, int]]) -> list[int]:
    """Replace saturated (value, width) fields by those of the zip64 extra field, in its order (section 4.5.3)."""
    if all(value != (1 << 8 * width) - 1 for value, width in fields):
        return [value for value, _ in fields]
    wide, at = b"", 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + length]
        at += 4 + length
    values = []
    for value, width in fields:
        if value == (1 << 8 * width) - 1:
            count = 8 if width == 4 else 4
            if len(wide) < count:
                raise Refused("zip", f"{label}: zip64 field missing")
            values.append(int.from_bytes(wide[:count], "little"))
            wide = wide[count:]
        else:
            values.append(value)
    return values


def _central_directory(file: WheelFile) -> tuple[int, int, int]:
    """Return offset, number of members and end of the central directory, which lies right before the end records."""
    start: int
    tail_size: int = min(file.size, _END_BYTES + 0xFFFF)
    tail = file.read(file.size - tail_size, tail_size)
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and at + _END_BYTES + int.from_bytes(tail[at + 20 : at + 22], "little") != tail_size:
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise Refused("zip", f"{file.name}: no end-of-central-directory record at the end of the file")
    disk, first, here, count, size, start = struct.unpack_from("<HHHHII", tail, at + 4)
    end = file.size - tail_size + at
    if end >= 20 and (locator := file.read(end - 20, 20))[:4] == b"PK\6\7":
        (where,) = struct.unpack_from("<Q", locator, 8)
        if where + 56 > end - 20:
            raise Refused("zip", f"{file.name}: broken zip64 end record")
        record = file.read(where, 56)
        length, disk, first, here, count, size, start = struct.unpack("<4xQ4xIIQQQQ", record)
        if record[:4] != b"PK\6\6" or where + 12 + length != end - 20:
            raise Refused("zip", f"{file.name}: broken zip64 end record")
        end = where
    if disk or first or here != count or start + size != end:
        raise Refused("zip", f"{file.name}: the central directory is not where the end record says")
    return start, count, end
