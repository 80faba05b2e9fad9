"""The extra fields of a zip header that contradict the header: sizes, and names."""

from __future__ import annotations

import struct

from onedigest.assembler.refusal import Refused

# APPNOTE.TXT, sections 4.5.3 and 4.6.9
_ZIP64 = 0x0001
_UNICODE_NAME = 0x7075
_STREAMED_ATTRIBUTES = 0x6C78
"""libarchive's: attributes for readers that do not see the directory."""
_MOST = {2: 0xFFFF, 4: 0xFFFFFFFF}


def widened(label: str, extra: bytes, fields: list[tuple[int, int]]) -> list[int]:
    """Replace saturated (value, width) fields by those of the zip64 extra field, in its order.

    Readers take the first or the last of two such fields, and use one that is not needed or not; some of them take a
    name from here. Raises `Refused` wherever that could make a difference.
    """
    wide = _zip64(label, extra) if extra else None
    values, at = [], 0
    for value, width in fields:
        if value != _MOST[width]:
            values.append(value)
            continue
        count = 8 if width == 4 else 4
        if wide is None or at + count > len(wide):
            raise Refused("zip", f"{label}: zip64 field missing")
        values.append(int.from_bytes(wide[at : at + count], "little"))
        at += count
    if wide is not None and at != len(wide) and (at or not _repeated(values, fields).startswith(wide)):
        raise Refused("zip", f"{label}: its zip64 field has other sizes than the header asks for")
    return values


def _repeated(values: list[int], fields: list[tuple[int, int]]) -> bytes:
    """Return the zip64 field that says what the header says already."""
    return b"".join(
        value.to_bytes(8 if width == 4 else 4, "little") for value, (_, width) in zip(values, fields, strict=True)
    )


def _zip64(label: str, extra: bytes) -> bytes | None:
    wide, at = None, 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        data = extra[at + 4 : at + 4 + length]
        if len(data) != length:
            raise Refused("zip", f"{label}: broken extra field")
        if kind == _ZIP64:
            if wide is not None:
                raise Refused("zip", f"{label}: two zip64 fields")
            wide = data
        elif kind == _UNICODE_NAME:
            raise Refused("name", f"{label}: a second name in an extra field")
        elif kind == _STREAMED_ATTRIBUTES:
            raise Refused("zip", f"{label}: other attributes in an extra field")
        at += 4 + length
    if extra[at:].strip(b"\0"):
        raise Refused("zip", f"{label}: broken extra field")
    return wide
