"""Builds zip files field by field, so that each of them can lie."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onedigest.assembler import gzip_member

STREAMED, UTF8 = 0x0008, 0x0800
LOCAL = ("version", "flags", "method", "time", "date", "crc", "packed", "size")
CENTRAL = ("made", *LOCAL)
END = ("disk", "first", "here", "count", "length", "start")


@dataclass
class Member:
    """One member; `local` and `central` replace fields of its two headers."""

    name: bytes
    data: bytes
    method: int = 8
    flags: int = 0
    local: dict[str, int] = field(default_factory=dict)
    central: dict[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    note: bytes = b""
    attributes: int = 0o100644 << 16
    before: bytes = b""
    behind: bytes = b""
    raw: bytes | None = None

    def packed(self) -> bytes:
        """Return the data as they are in the file."""
        if self.raw is not None:
            return self.raw
        return gzip_member.fixed(self.data)[10:-8] if self.method == 8 else self.data


def extra(kind: int, data: bytes) -> bytes:
    """Return an extra field."""
    return struct.pack("<HH", kind, len(data)) + data


def other_name(raw: bytes, name: bytes) -> bytes:
    """Return Info-ZIP's extra field with another name."""
    return extra(0x7075, struct.pack("<BI", 1, zlib.crc32(raw)) + name)


def descriptor(member: Member, *, signed: bool = True, wide: bool = False) -> bytes:
    """Return what follows the data of a streamed member."""
    width = "QQ" if wide else "II"
    found = struct.pack(f"<I{width}", zlib.crc32(member.data), len(member.packed()), len(member.data))
    return b"PK\7\x08" * signed + found


def zip_of(
    members: Sequence[Member],
    *,
    prefix: bytes = b"",
    between: bytes = b"",
    comment: bytes = b"",
    end: Mapping[str, int] | None = None,
    wide_end: Mapping[str, int] | None = None,
) -> bytes:
    """Return a zip file; `end` and `wide_end` replace fields of the end records, the second is there where it is given."""
    out, directory = bytearray(prefix), bytearray()
    for each in members:
        out += each.before
        packed = each.packed()
        honest = {
            "made": 0x0314,
            "version": 20,
            "flags": each.flags,
            "method": each.method,
            "time": 0,
            "date": 0x21,
            "crc": zlib.crc32(each.data),
            "packed": len(packed),
            "size": len(each.data),
            "offset": len(out),
            "disk": 0,
            "inner": 0,
        }
        offset = len(out)
        streamed = dict.fromkeys(("crc", "packed", "size"), 0) if each.flags & STREAMED else {}
        local, central = {**honest, **streamed, **each.local}, {**honest, **each.central}
        name = each.name if each.local_name is None else each.local_name
        out += struct.pack("<4sHHHHHIII", b"PK\3\4", *(local[key] for key in LOCAL))
        out += struct.pack("<HH", len(name), len(each.local_extra)) + name + each.local_extra + packed + each.behind
        directory += struct.pack("<4sHHHHHHIII", b"PK\1\2", *(central[key] for key in CENTRAL))
        directory += struct.pack("<HHH", len(each.name), len(each.central_extra), len(each.note))
        place = central["offset"] if "offset" in each.central else offset
        directory += struct.pack("<HHII", central["disk"], central["inner"], each.attributes, place)
        directory += each.name + each.central_extra + each.note
    out += between
    start = len(out)
    out += directory
    count = len(members)
    stated = {"disk": 0, "first": 0, "here": count, "count": count, "length": len(directory), "start": start}
    if wide_end is not None:
        wide = {**stated, "bytes": 44, "where": len(out), "disks": 1, **wide_end}
        out += struct.pack("<4sQHHIIQQQQ", b"PK\6\6", wide["bytes"], 45, 45, *(wide[key] for key in END))
        out += struct.pack("<4sIQI", b"PK\6\7", 0, wide["where"], wide["disks"])
    found = {**stated, "note": len(comment), **(end or {})}
    out += struct.pack("<4sHHHHIIH", b"PK\5\6", *(found[key] for key in (*END, "note")))
    return bytes(out + comment)


def wheel_files(name: str = "alpha", word: str = "GOOD", more: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the files of a wheel, its RECORD among them; `more` are further files of its .dist-info."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": f"print('{word}')\n".encode() * 3,
        f"{name}/table.bin": bytes(range(64)),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **{f"{info}/{path}": data for path, data in (more or {}).items()},
    }
    return {**files, f"{info}/RECORD": record(files, f"{info}/RECORD")}


def record(files: Mapping[str, bytes], itself: str) -> bytes:
    """Return the RECORD of files."""
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\n"
        for path, data in files.items()
    ]
    return "".join([*rows, f"{itself},,\n"]).encode()


def members_of(files: Mapping[str, bytes]) -> list[Member]:
    """Return honest members."""
    return [Member(path.encode(), data, flags=0 if path.isascii() else UTF8) for path, data in files.items()]
