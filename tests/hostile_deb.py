"""Builds Debian packages field by field, so that each of them can lie."""

from __future__ import annotations

import lzma
from collections.abc import Sequence

FIELDS = ("name", "mode", "uid", "gid", "size", "mtime", "check", "kind", "target", "magic", "user", "group")
WIDTHS = {"name": 100, "size": 12, "mtime": 12, "kind": 1, "target": 100, "user": 32, "group": 32, "prefix": 155}
END = bytes(1024)
CONTROL = b"Package: evil\nVersion: 1\nArchitecture: all\n"


def block(name: bytes, content: bytes = b"", **changes: bytes) -> bytes:
    """Return a member of a tar: its header, whose fields can be replaced, and its content with padding."""
    honest = {
        "name": name,
        "mode": b"0000755\0" if changes.get("kind") == b"5" else b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": b"%011o\0" % len(content),
        "mtime": b"00000000001\0",
        "kind": b"0",
        "target": b"",
        "magic": b"ustar  \0",
        "user": b"root",
        "group": b"root",
        "major": bytes(8),
        "minor": bytes(8),
        "prefix": b"",
        "rest": bytes(12),
    }
    fields = {**honest, **changes}
    head = b"".join(fields[key].ljust(WIDTHS.get(key, 8), b"\0") for key in FIELDS if key not in FIELDS[6:])
    tail = b"".join(
        fields[key].ljust(WIDTHS.get(key, 8), b"\0") for key in (*FIELDS[7:], "major", "minor", "prefix", "rest")
    )
    check = changes.get("check", b"%06o\0 " % (sum(head) + sum(tail) + 8 * ord(" ")))
    return head + check + tail + content + bytes(-len(content) % 512)


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """Return GNU's member with a long name."""
    return block(b"././@LongLink", name + b"\0", kind=kind)


def pax(**records: bytes) -> bytes:
    """Return a PAX header."""
    rows = b""
    for key, value in records.items():
        row = b" %s=%s\n" % (key.replace("_", ".").encode(), value)
        size = len(row) + len(str(len(row)))
        size += len(str(size)) + len(row) != size
        rows += b"%d" % size + row
    return block(b"PaxHeaders/x", rows, kind=b"x", magic=b"ustar\x0000")


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return an ar archive."""
    found = b"!<arch>\n"
    for name, content in members:
        found += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        found += content + b"\n" * (len(content) % 2)
    return found


def deb_of(data: bytes, *, control: bytes = CONTROL, more: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """Return a package with this tar; `more` are members behind it."""
    texts = block(b"./", kind=b"5") + block(b"./control", control) + END
    return ar([("debian-binary", b"2.0\n"), ("control.tar.xz", packed(texts)), ("data.tar.xz", packed(data)), *more])


def packed(data: bytes) -> bytes:
    """Compress as Debian does, quickly."""
    return lzma.compress(data, preset=0)
