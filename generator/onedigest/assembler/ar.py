"""The outer form of a .deb: an ar archive with three members in their order (deb(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from onedigest.assembler.refusal import Refused

_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_NAME = re.compile(rb"([!-.0-~]+)/? *")
_NUMBERS = re.compile(rb"[0-9 ]*")  # time, owner and mode, which dpkg does not look at
_SIZE = re.compile(rb"([0-9]+) *")
_FORMAT = re.compile(rb"2\.[0-9]{1,3}\n")
_FORMAT_BYTES = 16
_MEMBERS = 64
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a .deb: its name, and where its bytes are."""

    name: str
    offset: int
    size: int

    def pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the bytes of the member in bounded pieces."""
        for at in range(0, self.size, _READ):
            file.seek(self.offset + at)
            yield file.read(min(_READ, self.size - at))


def parts(file: BinaryIO, end: int, name: str) -> tuple[Part, Part]:
    """Return the two archives of a .deb of `end` bytes, control and data.

    Readers look for a member by its name, or take what comes third: so both must be the same. Members whose name
    begins with `_` are for others, and dpkg skips them. Raises `Refused` (`deb`).
    """
    first, *others = _members(file, end, name)
    if first.name != "debian-binary" or first.size > _FORMAT_BYTES:
        raise Refused("deb", f"{name}: not a Debian package")
    if not _FORMAT.fullmatch(b"".join(first.pieces(file))):
        raise Refused("deb", f"{name}: its format is not 2.x")
    kept = [part for part in others if not part.name.startswith("_")]
    for stem, part in zip(("control.tar", "data.tar"), [*kept, None, None], strict=False):
        if part is None or (part.name != stem and not part.name.startswith(f"{stem}.")):
            raise Refused("deb", f"{name}: no {stem}")
    if len(kept) > 2:
        raise Refused("deb", f"{name}: `{kept[2].name}` follows data.tar")
    return kept[0], kept[1]


def _members(file: BinaryIO, end: int, name: str) -> list[Part]:
    if end < len(_MAGIC) or file.read(len(_MAGIC)) != _MAGIC:
        raise Refused("deb", f"{name}: not a Debian package")
    found: list[Part] = []
    at = len(_MAGIC)
    while at < end:
        file.seek(at)
        header = file.read(_HEADER_BYTES)
        named, size = _NAME.fullmatch(header[:16]), _SIZE.fullmatch(header[48:58])
        if not named or not size or not _NUMBERS.fullmatch(header[16:48]) or header[58:] != b"`\n":
            raise Refused("deb", f"{name}: broken archive header")
        if len(found) == _MEMBERS:
            raise Refused("limit", f"{name}: more than {_MEMBERS} members")
        part = Part(named[1].decode(), at + _HEADER_BYTES, int(size[1]))
        at = part.offset + part.size
        if at + part.size % 2 > end:
            raise Refused("deb", f"{name}: cut off")
        if part.size % 2:
            file.seek(at)
            if file.read(1) != b"\n":
                raise Refused("deb", f"{name}: broken archive header")
            at += 1
        found.append(part)
    if not found:
        raise Refused("deb", f"{name}: not a Debian package")
    return found
