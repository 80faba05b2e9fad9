"""One member of a wheel: its raw deflate stream, and its content, verified while it is read."""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from onedigest.assembler.entry import unpadded_base64
from onedigest.assembler.refusal import Refused

READ = 1 << 20
PIECE = 1 << 20
"""Bounds of one read and of one inflated piece, in bytes."""

TEXT_BYTES = 16 << 20
"""The limit for members that are read whole: metadata, and scripts to rewrite."""

DEFLATED = 8
_HELD_BYTES = 4 << 20


class Inflater(Protocol):
    """A faster inflater than the standard library's, for members that fit into memory."""

    def room(self, count: int) -> AbstractContextManager[bool]:
        """Hold `count` bytes of memory for the context, after waiting for them; False when there never will be."""

    def inflate(self, raw: bytes, crc: int, size: int) -> bytes | bytearray | None:
        """Return the content, or None unless `raw` is exactly a stream of `size` bytes with that CRC-32."""


_HASHES = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


class WheelFile:
    """A file with positioned reads, which several threads may share; closed when nothing refers to it any more."""

    def __init__(self, path: Path, inflater: Inflater | None = None) -> None:
        self.name = path.name
        self.inflater = inflater
        # to open a pipe must not wait for a writer
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("zip", f"{self.name}: not a regular file")
        self.size = status.st_size
        # small wheels have many small members: one read serves them all
        self._held = os.pread(self._descriptor, self.size, 0) if self.size <= _HELD_BYTES else b""

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes at `offset`; refuse a range outside the file (`zip`)."""
        if not 0 <= offset <= offset + count <= self.size:
            raise Refused("zip", f"{self.name}: a record points outside the file")
        if self._held:
            return self._held[offset : offset + count]
        data = os.pread(self._descriptor, count, offset)
        while len(data) < count:
            part = os.pread(self._descriptor, count - len(data), offset + len(data))
            if not part:
                raise Refused("zip", f"{self.name}: the file became shorter while it was read")
            data += part
        return data


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a zip file.

    `label` is "wheel: member", for messages. `offset` is where its data starts, `packed` and `size` its bytes in the
    file and inflated, `mode` the st_mode of its external attributes. `digest` is what RECORD says, or empty.
    """

    file: WheelFile
    label: str
    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int
    digest: str = ""

    def recorded_as(self, digest: str) -> Member:
        """Return the member with the hash that RECORD states."""
        place = self.offset, self.mode, digest
        return Member(self.file, self.label, self.name, self.method, self.crc, self.packed, self.size, *place)

    def hashed(self) -> Member:
        """Return the member with the sha256 of its content, which is read and verified for it."""
        digest, content = hashlib.sha256(), None
        with self.room() as has_room:
            if has_room and (content := self.whole(self.packed_bytes())) is not None:
                digest.update(content)
        for piece in self.pieces() if content is None else ():
            digest.update(piece)
        return self.recorded_as(f"sha256={unpadded_base64(digest.digest())}")

    def splice(self) -> Member | None:
        """Return itself where its deflate stream is kept, as the smaller form (docs/formats/layers.md, section 3)."""
        return self if self.method == DEFLATED and self.packed < self.size else None

    def raw(self) -> Iterator[bytes]:
        """Yield the bytes in the zip file."""
        for at in range(0, self.packed, READ):
            yield self.file.read(self.offset + at, min(READ, self.packed - at))

    def room(self) -> AbstractContextManager[bool]:
        """Hold memory for the whole member, packed and inflated; False where it is to be streamed."""
        if self.method != DEFLATED or self.file.inflater is None:
            return nullcontext(False)
        return self.file.inflater.room(self.packed + self.size)

    def packed_bytes(self) -> bytes:
        """Return the bytes in the zip file, whole."""
        return self.file.read(self.offset, self.packed)

    def whole(self, packed: bytes) -> bytes | bytearray | None:
        """Return the verified content of a member whose packed bytes are at hand; None to be told by `pieces`."""
        inflater = self.file.inflater
        content = inflater.inflate(packed, self.crc, self.size) if inflater else None
        if content is None:
            return None
        name, _, expected = self.digest.partition("=")
        if expected and unpadded_base64(_HASHES[name](content).digest()) != expected:
            raise self._wrong_hash()
        return content

    def pieces(self) -> Iterator[bytes]:
        """Yield the content in bounded pieces.

        Raises `Refused` unless stream, size, CRC-32 and the hash in RECORD are right.
        """
        name, _, expected = self.digest.partition("=")
        crc, size, digest = 0, 0, _HASHES[name or "sha256"]()
        for piece in self._inflate() if self.method == DEFLATED else self.raw():
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            digest.update(piece)
            yield piece
        if size != self.size:
            raise Refused("size", f"{self.label}: {size} bytes, {self.size} declared")
        if crc != self.crc:
            raise Refused("crc", f"{self.label}: CRC-32 does not match")
        if expected and unpadded_base64(digest.digest()) != expected:
            raise self._wrong_hash()

    def read(self) -> bytes:
        """Return the whole content of a small member; refuse one over the limit for text (`limit`)."""
        if self.size > TEXT_BYTES:
            raise Refused("limit", f"{self.label}: {self.size} bytes, the limit for this file is {TEXT_BYTES}")
        return b"".join(self.pieces())

    def _wrong_hash(self) -> Refused:
        return Refused("hash", f"{self.label}: content does not match the hash in RECORD")

    def _inflate(self) -> Iterator[bytes]:
        inflater, left = zlib.decompressobj(-15), self.size
        for raw in self.raw():
            if inflater.eof:
                raise self._trailing()
            waiting = raw
            while True:
                room = min(PIECE, left + 1)
                try:
                    piece = inflater.decompress(waiting, room)
                except zlib.error as error:
                    raise Refused("stream", f"{self.label}: broken deflate stream ({error})") from None
                left -= len(piece)
                if left < 0:
                    raise Refused("size", f"{self.label}: inflates beyond the declared {self.size} bytes")
                if piece:
                    yield piece
                waiting = inflater.unconsumed_tail
                done: bool = inflater.eof
                if done or (not waiting and len(piece) < room):
                    break
        if not inflater.eof:
            raise Refused("stream", f"{self.label}: deflate stream is cut off")
        if inflater.unused_data:
            raise self._trailing()

    def _trailing(self) -> Refused:
        return Refused("stream", f"{self.label}: data after the end of the deflate stream")
