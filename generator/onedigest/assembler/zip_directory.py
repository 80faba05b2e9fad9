"""The directory of a zip file, whose reading refuses every file that two readers could understand differently."""

from __future__ import annotations

import re
import stat
import struct
from pathlib import Path
from typing import NamedTuple

from onedigest.assembler.entry import check_path
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar import FILE_BYTES
from onedigest.assembler.zip_end import central_directory
from onedigest.assembler.zip_extra import widened
from onedigest.assembler.zip_member import DEFLATED, Inflater, Member, WheelFile

MEMBERS = 200_000
DIRECTORY_BYTES = 64 << 20
CONTENT_BYTES = 16 << 30
"""Bounds of a wheel: its members and their folders, what is said of them, and what they inflate to together."""

# APPNOTE.TXT, sections 4.3.7 (local header), 4.3.9 (data descriptor) and 4.3.12 (central header)
_CENTRAL = struct.Struct("<4s2xHHHxxxxIIIHHHHHII")
_LOCAL = struct.Struct("<4s2xHH4xIIIHH")
_ENCRYPTED = 0x2041
_STREAMED = 0x0008
_UTF8 = 0x0800
_LEVEL = 0x0006
_SAME_FLAGS = _ENCRYPTED | _STREAMED | _UTF8
_NEWEST = 63
"""The version of the format that a member may ask for at most; Python's own reader stops there too."""
_STORED = 0
_EMPTY_STREAM = 2
_DOS_FOLDER = 0x10
_EXTRA_GUESS = 64
_DRIVE = re.compile(r"[A-Za-z]:")


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


class _Placed(NamedTuple):
    """A member with the place of its local header, and whether a data descriptor follows its data."""

    start: int
    streamed: bool
    member: Member


def read(path: Path, inflater: Inflater | None = None) -> list[Member]:
    """Return the file members of a zip file in directory order, with local headers checked against the directory.

    Raises `Refused` for whatever docs/formats/layers.md, section 4 does not allow.
    """
    file = WheelFile(path, inflater)
    start, count, end = central_directory(file)
    if count > MEMBERS or end - start > DIRECTORY_BYTES:
        raise Refused("limit", f"{path.name}: more than {MEMBERS} members, or {DIRECTORY_BYTES} bytes about them")
    directory, at = file.read(start, end - start), 0
    members: list[_Placed] = []
    seen: set[str] = set()
    for _ in range(count):
        if directory[at : at + 4] != b"PK\1\2" or at + _CENTRAL.size > len(directory):
            raise Refused("zip", f"{path.name}: broken central directory")
        length, placed = _member(file, directory, at)
        member = placed.member
        at += length
        if member.name in seen:
            raise Refused("duplicate", f"{member.label}: twice in the zip file")
        seen.add(member.name)
        if member.offset + member.packed > start:
            raise Refused("zip", f"{member.label}: reaches into the central directory")
        members.append(placed)
    if at != len(directory):
        raise Refused("zip", f"{path.name}: the central directory has another size than declared")
    _check_places(file, members, start)
    _check_folders(path.name, seen)
    if sum(placed.member.size for placed in members) > CONTENT_BYTES:
        raise Refused("limit", f"{path.name}: more than {CONTENT_BYTES} bytes of content")
    return [placed.member for placed in members if not placed.member.name.endswith("/")]


def _check_places(file: WheelFile, members: list[_Placed], end: int) -> None:
    """Refuse bytes that belong to no member, or to two: readers that go from front to back would see them."""
    ordered = sorted(members, key=lambda placed: placed.start)
    starts = [*(placed.start for placed in ordered), end]
    if starts[0]:
        raise Refused("zip", f"{file.name}: data before the first member")
    for placed, following in zip(ordered, starts[1:], strict=True):
        member = placed.member
        reached = member.offset + member.packed
        if following < reached:
            raise Refused("zip", f"{member.label}: overlaps another member")
        if placed.streamed:
            _check_descriptor(file, member, following - reached)
        elif following > reached:
            raise Refused("zip", f"{member.label}: data that belongs to no member follows it")


def _check_descriptor(file: WheelFile, member: Member, count: int) -> None:
    """Refuse a data descriptor that is not as the directory says: with or without signature, narrow or wide."""
    width = "Q" if count in (20, 24) else "I"
    expected = (
        struct.pack(f"<I{width}{width}", member.crc, member.packed, member.size)
        if width == "Q" or max(member.packed, member.size) < 1 << 32
        else b""
    )
    if count % 8 == 0:
        expected = b"PK\7\x08" + expected
    if count not in (12, 16, 20, 24) or file.read(member.offset + member.packed, count) != expected:
        raise Refused("zip", f"{member.label}: the data descriptor differs from the central directory")


def _check_folders(wheel: str, names: set[str]) -> None:
    """Refuse a name that is a file and a folder, and more folders than a wheel has members."""
    folders: set[str] = set()
    spelled = 0
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            if folder in names:
                raise Refused("conflict", f"{wheel}: {folder} is a file and a directory")
            folders.add(folder)
            spelled += len(folder)
            folder = folder.rpartition("/")[0]
        if len(folders) > MEMBERS or spelled > DIRECTORY_BYTES:
            raise Refused("limit", f"{wheel}: more than {MEMBERS} folders, or {DIRECTORY_BYTES} bytes of their names")


def _member(file: WheelFile, directory: bytes, at: int) -> tuple[int, _Placed]:
    """Return the length of the central header at `at`, and its member."""
    fields = _CENTRAL.unpack_from(directory, at)
    _, version, flags, method, crc, packed, size, name_size, extra_size, note_size, disk, _, attributes, offset = fields
    name_end = at + _CENTRAL.size + name_size
    raw_name = directory[at + _CENTRAL.size : name_end]
    name = _member_name(file.name, raw_name, flags)
    label = f"{file.name}: {name}"
    if flags & _ENCRYPTED:
        raise Refused("encrypted", f"{label}: encrypted")
    if method not in (_STORED, DEFLATED):
        raise Refused("method", f"{label}: compression method {method}")
    if flags & ~(_SAME_FLAGS | _LEVEL) or version & 0xFF > _NEWEST:
        raise Refused("zip", f"{label}: asks for a feature that not every reader has")
    extra = directory[name_end : name_end + extra_size]
    size, packed, offset, disk = widened(label, extra, [(size, 4), (packed, 4), (offset, 4), (disk, 2)])
    if disk:
        raise Refused("zip", f"{label}: on another disk")
    if size > FILE_BYTES:
        raise Refused("limit", f"{label}: {size} bytes, the limit is {FILE_BYTES}")
    if method == _STORED and packed != size:
        raise Refused("size", f"{label}: stored, but its two sizes differ")
    data = _data_offset(file, _Record(raw_name, label, flags, method, crc, packed, size, offset))
    mode = attributes >> 16
    _check_kind(label, name, mode, is_dos_folder=bool(attributes & _DOS_FOLDER))
    if name.endswith("/") and (size or crc or packed > _EMPTY_STREAM):
        raise Refused("type", f"{label}: a directory with content")
    member = Member(file, label, name, method, crc, packed, size, data, mode)
    return name_end + extra_size + note_size - at, _Placed(offset, bool(flags & _STREAMED), member)


def _check_kind(label: str, name: str, mode: int, *, is_dos_folder: bool) -> None:
    """Refuse what is neither file nor folder, and what is a file by its name and a folder by its attributes."""
    is_folder = name.endswith("/")
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR if is_folder else stat.S_IFREG) or (is_dos_folder and not is_folder):
        raise Refused("type", f"{label}: not a regular file")


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
    if same:
        wide = widened(record.label, local[name_end:end], [(size, 4), (packed, 4)])
        found, expected = (crc, *wide), (record.crc, record.size, record.packed)
        # before a data descriptor, the fields may be left empty
        unknown = flags & _STREAMED
        same = all(each == other or (unknown and not each) for each, other in zip(found, expected, strict=True))
    if not same or (flags ^ record.flags) & _SAME_FLAGS or flags & ~(_SAME_FLAGS | _LEVEL):
        raise Refused("zip", f"{record.label}: local header and central directory differ")
    return record.offset + int(end)


def _member_name(wheel: str, raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise Refused("name", f"{wheel}: member name {raw!r} is not marked as, or not valid, UTF-8") from None
    check_path(wheel, name.removesuffix("/"))
    if _DRIVE.match(name):
        raise Refused("name", f"{wheel}: path {name!r} begins with a drive")
    return name
