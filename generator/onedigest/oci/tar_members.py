"""The tar of a layer, read forwards (ustar, pax and GNU): every header is bounded, whatever it states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from onedigest.errors import InputError

LONGEST_PATH = 4096
"""Bytes of a path and of the target of a link (PATH_MAX)."""

MOST_MEMBERS = 1_000_000
"""Members of a layer."""

_BLOCK = 512
_EXTENDED = 1 << 20
"""Bytes of an extended header, which holds names and numbers of one member."""
_MOST_SPARSE = 2048
"""Blocks of a map of holes."""
_END = bytes(_BLOCK)
_REGULAR = frozenset(b"07\0S")
_KINDS = dict(zip(b"123456", ("hardlink", "link", "other", "other", "dir", "other"), strict=True))
"""Types without content."""
_RECORD = re.compile(rb"(\d{1,7}) ([^=]{1,255})=")
_NUMBER = re.compile(rb"\d{1,20}")
_OCTAL = re.compile(rb"[0-7]{1,12}")


class Stream(Protocol):
    """A file that is read forwards."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer only at the end."""

    def skip(self, size: int, /) -> int:
        """Pass over the next bytes; return how many there were."""


class Content:
    """The content of the member that was read last, as far as the archive keeps it: holes are left out."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data

    def skip(self) -> None:
        """Pass over what is left. Raises `InputError` where the archive ends before."""
        if self._stream.skip(self._left) < self._left:
            raise InputError.of("no archive: it ends too early")
        self._left = 0


@dataclass(frozen=True, slots=True)
class TarMember:
    """One path in a layer; names may hold surrogates (bytes that are no UTF-8). `stored` is what follows the header."""

    name: str
    kind: str
    mode: int
    owner: int
    group: int
    size: int
    target: str
    stored: int
    content: Content


def read_members(stream: Stream) -> Iterator[TarMember]:
    """Yield the members of an archive, in its order. Raises `InputError` for what is no archive, or beyond bounds."""
    count = 0
    stated: dict[bytes, bytes] = {}
    first = True
    while block := stream.read(_BLOCK):
        if block == _END:
            return
        count += 1
        if count > MOST_MEMBERS:
            raise InputError.of(f"no archive of ours: it has more than {MOST_MEMBERS} members")
        size, first = _checked(block, first=first), False
        kind = block[156]
        if kind in b"xXgLK":
            data = _extended(stream, size)
            if kind in b"xX":
                stated.update(_records(data))
            elif kind != ord("g"):  # what docker's own reader passes over, too: it is about no file
                stated.setdefault(b"path" if kind == ord("L") else b"linkpath", data.partition(b"\0")[0])
            continue
        member = _member(stream, block, kind, size, stated)
        stated = {}
        yield member
        member.content.skip()
        if stream.skip(-member.stored % _BLOCK) < -member.stored % _BLOCK:
            raise InputError.of("no archive: it ends too early")
    if first:
        raise InputError.of("no archive: it is empty")
    if stated:
        raise InputError.of("no archive: it ends too early")


def _checked(block: bytes, *, first: bool) -> int:
    """Return the size that a header states, after its checksum was compared."""
    if len(block) < _BLOCK:
        raise InputError.of("no archive: it ends too early")
    counted = block[:148] + b"        " + block[156:]
    total = sum(counted)
    stated = _number(block[148:156])
    if stated != total and stated != total - 256 * sum(byte > 127 for byte in counted):  # old tars count signed bytes
        raise InputError.of("no archive" if first else "no archive: the checksum of a header is wrong")
    return _number(block[124:136])


def _member(stream: Stream, block: bytes, kind: int, size: int, stated: dict[bytes, bytes]) -> TarMember:
    name, target = _text(block[:100]), _text(block[157:257])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345 : 476 if block[508:] == b"tar\0" else 500])):
        name = prefix + b"/" + name
    name = stated.get(b"GNU.sparse.name") or stated.get(b"path") or name
    target = stated.get(b"linkpath") or target
    if b"size" in stated:
        size = _decimal(stated[b"size"])
    real = size
    if kind == ord("S"):
        real = _number(block[483:495])
        _skip_sparse_map(stream, block)
    elif found := stated.get(b"GNU.sparse.realsize") or stated.get(b"GNU.sparse.size"):
        real = _decimal(found)
    if kind == 0 and name.endswith(b"/"):  # as tar had folders before ustar
        kind = ord("5")
    if kind == ord("5"):
        name = name.rstrip(b"/")
    for each in (name, target):
        if len(each) > LONGEST_PATH:
            raise InputError.of(f"no archive of ours: it has a path of more than {LONGEST_PATH} bytes")
        if b"\0" in each:
            raise InputError.of("no archive: it has a path with a zero byte")
    stored = 0 if kind in _KINDS else size
    return TarMember(
        name=name.decode("utf-8", "surrogateescape"),
        kind=_KINDS.get(kind) or ("file" if kind in _REGULAR else "other"),
        mode=_number(block[100:108]) & 0o7777,
        owner=_account(block[108:116], stated.get(b"uid")),
        group=_account(block[116:124], stated.get(b"gid")),
        size=0 if kind in _KINDS else real,
        target=target.decode("utf-8", "surrogateescape"),
        stored=stored,
        content=Content(stream, stored),
    )


def _account(field: bytes, stated: bytes | None) -> int:
    if stated is not None:
        return _decimal(stated)
    return -1 if field[0] == 0xFF else _number(field)  # negative: of a machine with other numbers


def _extended(stream: Stream, size: int) -> bytes:
    if size > _EXTENDED:
        raise InputError.of(f"no archive of ours: it has an extended header of {size} bytes")
    data = stream.read(size)
    if len(data) < size or stream.skip(-size % _BLOCK) < -size % _BLOCK:
        raise InputError.of("no archive: it ends too early")
    return data


def _records(data: bytes) -> dict[bytes, bytes]:
    """Read the records of a pax header (POSIX pax, "pax Header Block"): `LENGTH KEY=VALUE`, and a line break."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        match = _RECORD.match(data, at, at + 300)
        if not match:
            raise InputError.of("no archive: it has a broken pax header")
        end = at + int(match[1])
        if not match.end() < end <= len(data) or data[end - 1] != ord("\n"):
            raise InputError.of("no archive: it has a broken pax header")
        found[match[2]] = data[match.end() : end - 1]
        at = end
    return found


def _skip_sparse_map(stream: Stream, block: bytes) -> None:
    """Pass over the blocks in which GNU's old form goes on with the places of holes."""
    more, count = block[482], 0
    while more:
        following = stream.read(_BLOCK)
        count += 1
        if len(following) < _BLOCK or count > _MOST_SPARSE:
            raise InputError.of("no archive: it has a broken map of holes")
        more = following[504]


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    """Read a number of a header: octal digits, or its bytes behind a mark (GNU)."""
    if field[0] == 0x80:
        found = int.from_bytes(field[1:], "big")
        if found < 1 << 63:
            return found
    else:
        text = _text(field).strip(b" ")
        if not text:
            return 0
        if _OCTAL.fullmatch(text):
            return int(text, 8)
    raise InputError.of("no archive: a number in a header is broken")


def _decimal(text: bytes) -> int:
    if not _NUMBER.fullmatch(text):
        raise InputError.of("no archive: a number in a pax header is broken")
    return int(text)
