"""The end records of a zip file, which say where its directory is, as every reader must find it."""

from __future__ import annotations

import re
import struct

from onedigest.assembler.refusal import Refused
from onedigest.assembler.zip_member import WheelFile

# APPNOTE.TXT, sections 4.3.14 to 4.3.16
_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_WIDE_END = struct.Struct("<4sQ4xIIQQQQ")
_SEARCHED = _END.size + 0xFFFF
_COMMENT_BYTES = 4096
_RECORD = re.compile(rb"PK(?:\x01\x02|\x03\x04|\x05\x06|\x06\x06|\x06\x07).{16}", re.DOTALL)
"""What has room for the shortest of the records."""


def central_directory(file: WheelFile) -> tuple[int, int, int]:
    """Return offset, number of members and end of the central directory, which lies right before the end records.

    Readers look for the end record from the back or from the front, and believe the comment's length or not: so there
    is one that they can find. Raises `Refused` (`zip`).
    """
    at = _end_record(file)
    _, disk, first, here, count, size, start, _ = _END.unpack(file.read(at, _END.size))
    if at >= _LOCATOR.size and file.read(at - _LOCATOR.size, 4) == b"PK\6\7":
        return _wide_directory(file, at - _LOCATOR.size, (disk, first, here, count, size, start))
    _check_place(file, (disk, first, here, count, size, start), at)
    return start, count, at


def _end_record(file: WheelFile) -> int:
    """Return where the end record is, behind which there is nothing but its comment."""
    tail_size: int = min(file.size, _SEARCHED)
    tail = file.read(file.size - tail_size, tail_size)
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and at + _END.size + int.from_bytes(tail[at + 20 : at + 22], "little") != tail_size:
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise Refused("zip", f"{file.name}: no end-of-central-directory record at the end of the file")
    comment = tail[at + _END.size :]
    if _RECORD.search(comment) or len(comment) > _COMMENT_BYTES:
        raise Refused("zip", f"{file.name}: its comment could be read as a record, or is too long")
    return file.size - tail_size + at


def _wide_directory(file: WheelFile, at: int, narrow: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the same by the zip64 end record, whose locator is at `at`; the end record may not say otherwise."""
    _, disk, where, disks = _LOCATOR.unpack(file.read(at, _LOCATOR.size))
    if disk or disks != 1 or where + _WIDE_END.size != at:
        raise Refused("zip", f"{file.name}: broken zip64 end record")
    magic, length, *wide = _WIDE_END.unpack(file.read(where, _WIDE_END.size))
    if magic != b"PK\6\6" or length + 12 != _WIDE_END.size:
        raise Refused("zip", f"{file.name}: broken zip64 end record")
    for value, other, most in zip(narrow, wide, (*(0xFFFF,) * 4, *(0xFFFFFFFF,) * 2), strict=True):
        if value not in (other, most):
            raise Refused("zip", f"{file.name}: its two end records differ")
    _check_place(file, tuple(wide), where)
    return wide[5], wide[3], where


def _check_place(file: WheelFile, record: tuple[int, ...], end: int) -> None:
    disk, first, here, count, size, start = record
    if disk or first or here != count or start + size != end:
        raise Refused("zip", f"{file.name}: the central directory is not where the end record says")
