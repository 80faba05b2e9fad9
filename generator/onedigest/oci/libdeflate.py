"""The library libdeflate: the embedded engine's fast inflater, and the encoder of layers that are not spliced."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from multiprocessing import synchronize
from multiprocessing.context import BaseContext
from threading import Condition
from types import SimpleNamespace
from typing import Protocol

import deflate

from onedigest.assembler import gzip_member
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.stream import Output, Stream, tar_pieces
from onedigest.digest import of_bytes
from onedigest.errors import EngineError
from onedigest.oci import LIBDEFLATE

# docs/formats/layers.md, section 9
_LEVEL = 6
_MEMBER_BYTES = 1 << 20
_KNOWN_ANSWER = "sha256:e4f1e3a499ada6889b202d277f5e89114a2450fe9cd230b8c2b95744310bcd7a"


class _SharedNumber(Protocol):
    value: int


class Budget:
    """Bytes of memory that several threads, or several processes, may hold together."""

    def __init__(self, size: int, free: _SharedNumber, changed: Condition | synchronize.Condition) -> None:
        self._size = size
        self._free = free
        self._changed = changed

    @classmethod
    def of_threads(cls, size: int) -> Budget:
        """Make a budget that the threads of this process share."""
        return cls(size, SimpleNamespace(value=size), Condition())

    @classmethod
    def of_processes(cls, size: int, context: BaseContext) -> Budget:
        """Make a budget that processes share, when they are given it as they start."""
        return cls(size, context.Value("q", size, lock=False), context.Condition())

    @contextmanager
    def hold(self, count: int) -> Iterator[bool]:
        """Hold bytes for the context, after waiting for them; False when the budget is too small."""
        if count > self._size:
            yield False
            return
        with self._changed:
            self._changed.wait_for(lambda: self._free.value >= count)
            self._free.value -= count
        try:
            yield True
        finally:
            with self._changed:
                self._free.value += count
                self._changed.notify_all()


class Inflater:
    """Inflates whole members, within a budget of memory."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def room(self, count: int) -> AbstractContextManager[bool]:
        """Hold `count` bytes of the budget for the context; False when it is too small."""
        return self._budget.hold(count)

    def inflate(self, raw: bytes, crc: int, size: int) -> bytes | bytearray | None:
        """Return the content, or None unless `raw` is exactly a stream of `size` bytes with that CRC-32.

        libdeflate ignores what follows a stream, but checks the gzip trailer right behind it: so the stream ends
        where ours begins, unless the same eight bytes stand earlier too.
        """
        trailer = gzip_member.trailer(crc, size)
        member = b"".join((gzip_member.HEADER, raw, trailer))
        # the binding does not look at a stream that should hold nothing
        if not size or member.find(trailer, len(gzip_member.HEADER)) != len(member) - len(trailer):
            return None
        try:
            return deflate.gzip_decompress(member)
        except deflate.DeflateError:
            return None


Members = dict[bytes, bytes]
"""Members that were made already, by the SHA-256 of what they hold: layers of two platforms share many."""


def write(entries: Iterable[Entry], output: Output | None = None, made: Members | None = None) -> Descriptor:
    """Write a layer in the encoding of this module. Raises `EngineError` where libdeflate is another than it was."""
    return write_pieces(tar_pieces(entries), output, made)


def write_pieces(pieces: Iterable[bytes], output: Output | None = None, made: Members | None = None) -> Descriptor:
    """Write a layer, given as the pieces of its tar. Raises `EngineError` as above."""
    check()
    blob, plain = Stream(output), Stream()
    blob.add_all(encode(plain.passed(pieces), made))
    digest = blob.finish()
    return Descriptor(plain.finish(), digest, blob.size)


@cache
def check() -> None:
    """Encode a known text and compare. Raises `EngineError`."""
    text = b"".join(number.to_bytes(3, "big") * (number % 7) for number in range(1, 200_000))
    found = of_bytes(b"".join(encode([text])))
    if found != _KNOWN_ANSWER:
        raise EngineError.of(
            f"this libdeflate encodes otherwise than {LIBDEFLATE}: {found} instead of {_KNOWN_ANSWER}",
            hint="install the version of `deflate` that onedigest asks for",
        )


def encode(stream: Iterable[bytes], made: Members | None = None) -> Iterator[bytes]:
    """Yield gzip members that hold 1 MiB each; those that are `made` already are not made again."""
    held = bytearray()
    for piece in stream:
        held += piece
        while len(held) >= _MEMBER_BYTES:
            yield _member(bytes(held[:_MEMBER_BYTES]), made)
            del held[:_MEMBER_BYTES]
    if held:
        yield _member(bytes(held), made)


def _member(data: bytes, made: Members | None) -> bytes:
    if made is None:
        return _new_member(data)
    key = hashlib.sha256(data).digest()
    if key not in made:
        made[key] = _new_member(data)
    return made[key]


def _new_member(data: bytes) -> bytes:
    packed = bytes(deflate.deflate_compress(data, _LEVEL))
    return gzip_member.HEADER + packed + gzip_member.trailer(zlib.crc32(data), len(data))
