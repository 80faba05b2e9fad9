"""The reading of a Debian package's tar, which refuses what dpkg and other readers understand differently."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from onedigest.assembler.entry import HIGHEST_ID
from onedigest.assembler.refusal import Refused
from onedigest.assembler.tar_source import BLOCK, TarSource

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12s")
_USTAR, _GNU = b"ustar\x0000", b"ustar  \0"
_OCTAL = re.compile(rb" *([0-7]+)[ \0]*")
_LONG_NAME = 8192
_KINDS = {b"0": "file", b"\0": "file", b"1": "hardlink", b"2": "link", b"5": "dir"}
_LONG = {b"L": "name", b"K": "target"}
_PAX = (b"x", b"g")


@dataclass(frozen=True, slots=True)
class TarMember:
    """What a header says. `kind` is `dir`, `file`, `link` (symbolic) or `hardlink`."""

    name: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    target: str


def members(pieces: Iterable[bytes], origin: str, most: int) -> Iterator[tuple[TarMember, Iterator[bytes]]]:
    """Yield each member with its content, which is to be read before the next one is asked for.

    The forms that dpkg knows are taken: ustar and GNU's, with its long names. The archive may unpack to `most` bytes.
    Raises `Refused`: `deb`, `name`, `limit`, or `type` for what is no file, directory or link.
    """
    source = TarSource(pieces, origin, most, "deb")
    long: dict[str, str] = {}
    while (block := source.take(BLOCK)).strip(b"\0"):
        fields = _fields(block, origin)
        kind = fields[7]
        if kind in _LONG:
            if _LONG[kind] in long:
                raise Refused("deb", f"{origin}: two long names for one member")
            long[_LONG[kind]] = _long_name(source, _number(fields[4], origin), origin)
            continue
        member = _member(fields, long, origin)
        long = {}
        yield member, source.content(member.size)
        source.end_content()
    if long:
        raise Refused("deb", f"{origin}: a long name without a member")
    source.finish()


def _fields(block: bytes, origin: str) -> tuple[bytes, ...]:
    fields: tuple[bytes, ...] = _HEADER.unpack(block)
    if _number(fields[6], origin) != sum(block) - sum(fields[6]) + 8 * ord(" "):
        raise Refused("deb", f"{origin}: a header of its archive is damaged")
    if fields[9] not in (_USTAR, _GNU) or (fields[9] == _GNU and fields[14].strip(b"\0")):
        raise Refused("deb", f"{origin}: its archive is neither in ustar's form nor in GNU's")
    # nobody here needs the time and the device, but some readers end where one is no number
    for field in (fields[5], *(each for each in fields[12:14] if each.strip(b"\0 "))):
        _number(field, origin)
    return fields


def _member(fields: tuple[bytes, ...], long: dict[str, str], origin: str) -> TarMember:
    raw_name, mode, uid, gid, size, _, _, kind, target, form, user, group, *_, prefix, _ = fields
    name = long.get("name") or _text(raw_name, origin)
    if form == _USTAR and "name" not in long and (folder := _text(prefix, origin)):
        name = f"{folder}/{name}"
    if kind in _PAX:
        raise Refused("deb", f"{origin}: PAX headers, which dpkg does not read")
    if kind not in _KINDS:
        raise Refused("type", f"{origin}: /{name.removeprefix('./')} is neither file, directory nor link")
    member = TarMember(
        name,
        _KINDS[kind],
        _number(mode, origin) & 0o7777,
        _owner(uid, user, origin),
        _owner(gid, group, origin),
        _number(size, origin),
        long.get("target") or _text(target, origin),
    )
    if member.kind != "file" and member.size:
        raise Refused("deb", f"{origin}: {name!r} is no file, but has content")
    if member.kind != "dir" and name.endswith("/"):
        raise Refused("deb", f"{origin}: {name!r} is no directory, but is called so")
    return member


def _owner(number: bytes, name: bytes, origin: str) -> int:
    """Return an owner's number. dpkg prefers the name, so that of the superuser may not stand for others."""
    found = _number(number, origin)
    known = _text(name, origin)
    if found > HIGHEST_ID or (known == "root") != (found == 0 and known != ""):
        raise Refused("deb", f"{origin}: the owner {found} `{known}` cannot be part of a layer")
    return found


def _long_name(source: TarSource, size: int, origin: str) -> str:
    if not 0 < size <= _LONG_NAME:
        raise Refused("name", f"{origin}: a name of {size} bytes")
    found = source.take(size + -size % BLOCK)[:size]
    if not found.endswith(b"\0"):
        raise Refused("deb", f"{origin}: a long name does not end")
    text = _text(found, origin)
    if not text:
        raise Refused("name", f"{origin}: an empty name")
    return text


def _number(field: bytes, origin: str) -> int:
    """Return an octal number. GNU's other form for large ones is for sizes and owners that are refused anyway."""
    match = _OCTAL.fullmatch(field)
    if not match:
        raise Refused("deb", f"{origin}: {field!r} in a header of its archive is no octal number")
    return int(match[1], 8)


def _text(field: bytes, origin: str) -> str:
    field = field.rstrip(b"\0")
    text, end, _ = field.partition(b"\0")
    if end:
        raise Refused("deb", f"{origin}: {field!r} in a header of its archive has two ends")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise Refused("name", f"{origin}: name {text!r} is not UTF-8") from None
