"""Entries as Go's archive/tar writes them, which decides a diff ID (docs/formats/layers.md, section 2)."""

from __future__ import annotations

import posixpath
from functools import lru_cache

from onedigest.assembler.entry import Entry

MTIME = 315619200
"""1980-01-02T00:00:00Z: still 1980 in every time zone, because zip tools fail on earlier times."""

END = bytes(1024)
FILE_BYTES = 8**11 - 1
"""What eleven octal digits hold."""

_BLOCK = 512
_NAME = 100
_PREFIX = 155
_KIND = {"dir": b"5", "link": b"2", "file": b"0", "hardlink": b"1"}
_DEVICE = b"0000000\0"
_NO_DEVICE = bytes(8)


def header(entry: Entry) -> bytes:
    """Return the header blocks of an entry: a PAX header where one is needed, then the USTAR header."""
    name = entry.path + "/" if entry.kind == "dir" else entry.path
    if len(name) <= _NAME and not entry.target and name.isascii():
        return _block(name.encode(), entry, b"", b"")
    records = {key: value for key, value in (("linkpath", entry.target), ("path", name)) if _needs_pax(value)}
    prefix, before = "", b""
    if records.keys() == {"path"} and (parts := _split(name)):
        (prefix, name), records = parts, {}
    if records:
        before = _pax_header(name, records)
    return before + _block(_ascii(name), entry, _ascii(entry.target), prefix.encode())


def padding(size: int) -> bytes:
    """Return the NUL bytes that fill the last block of `size` bytes of content."""
    return bytes(-size % _BLOCK)


def _needs_pax(value: str) -> bool:
    return len(value) > _NAME or not value.isascii()


def _split(name: str) -> tuple[str, str] | None:
    """Return the USTAR prefix and name of a long path, or None where it cannot be split."""
    end = _PREFIX + 1 if len(name) > _PREFIX + 1 else len(name) - name.endswith("/")
    cut = name.rfind("/", 0, end)
    if not name.isascii() or cut <= 0 or not 1 <= len(name) - cut - 1 <= _NAME:
        return None
    return name[:cut], name[cut + 1 :]


def _pax_header(name: str, records: dict[str, str]) -> bytes:
    body = b"".join(_pax_record(key, value) for key, value in sorted(records.items()))
    folder, base = posixpath.split(name)
    pax_name = _ascii(posixpath.join(folder, "PaxHeaders.0", base).rstrip("/"))[:_NAME].rstrip(b"/")
    fields = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (0, 0, 0, len(body), 0)
    return _checked(_cut(pax_name) + fields, b"x", b"", b"", _NO_DEVICE) + body + padding(len(body))


def _pax_record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    size = len(body) + len(str(len(body)))
    if len(str(size)) + len(body) != size:
        size += 1
    return str(size).encode() + body


def _block(name: bytes, entry: Entry, link: bytes, prefix: bytes) -> bytes:
    size = entry.size if entry.kind == "file" else 0
    fields = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (entry.mode, entry.uid, entry.gid, size, MTIME)
    return _checked(_cut(name) + fields, _KIND[entry.kind], link, prefix, _DEVICE)


def _checked(head: bytes, kind: bytes, link: bytes, prefix: bytes, device: bytes) -> bytes:
    tail, total = _tail(kind, link, prefix, device)
    return head + b"%06o\0 " % (sum(head) + total) + tail


@lru_cache(maxsize=256)
def _tail(kind: bytes, link: bytes, prefix: bytes, device: bytes) -> tuple[bytes, int]:
    """Return what follows the checksum, and its part of the sum; nearly all files share one."""
    tail = kind + _cut(link) + b"ustar\x0000" + bytes(64) + device * 2 + prefix.ljust(_PREFIX, b"\0") + bytes(12)
    return tail, sum(tail) + 8 * ord(" ")


def _cut(text: bytes) -> bytes:
    if len(text) <= _NAME:
        return text.ljust(_NAME, b"\0")
    return text[: _NAME - 1] + b"\0" if text[_NAME - 1 : _NAME] == b"/" else text[:_NAME]


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "ignore")
