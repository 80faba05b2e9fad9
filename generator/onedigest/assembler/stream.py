"""The two streams of a list of entries that a layer is hashed as: the tar, and the gzip blob."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from onedigest.assembler import gzip_member, tar
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Content, Entry, Splice

LITERAL_BYTES = 4096
"""A longer literal file gets a member of stored blocks of its own."""
FLUSH_BYTES = 65536
"""Pending literal bytes that close a member of their own."""

_BATCH = 1 << 18
_LARGE = 1 << 16


class Output(Protocol):
    """Where a stream goes besides its hash."""

    def write(self, data: bytes | bytearray, /) -> object:
        """Take the next bytes."""


class Stream:
    """Bytes that are hashed, counted and written. Small pieces wait for others, because small updates are slow."""

    def __init__(self, output: Output | None = None) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._output = output
        self._waiting: list[bytes | bytearray] = []
        self._held = 0

    def add(self, piece: bytes | bytearray) -> None:
        """Append bytes; they must not change afterwards."""
        if len(piece) >= _LARGE:
            self._flush()
            self._take(piece)
            return
        self._waiting.append(piece)
        self._held += len(piece)
        if self._held >= _BATCH:
            self._flush()

    def add_all(self, pieces: Iterable[bytes | bytearray]) -> None:
        """Append bytes in pieces."""
        for piece in pieces:
            self.add(piece)

    def passed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Append bytes in pieces, and yield each of them."""
        for piece in pieces:
            self.add(piece)
            yield piece

    def finish(self) -> str:
        """Return the digest of everything that was added."""
        self._flush()
        return f"sha256:{self._digest.hexdigest()}"

    def _flush(self) -> None:
        if self._waiting:
            self._take(b"".join(self._waiting))
            self._waiting.clear()
            self._held = 0

    def _take(self, data: bytes | bytearray) -> None:
        self.size += len(data)
        self._digest.update(data)
        if self._output is not None:
            self._output.write(data)


def write(entries: Iterable[Entry], output: Output | None = None) -> Descriptor:
    """Write a layer in the encoding `splice-1`, and verify everything that goes into it while its tar is hashed."""
    blob, plain = _Blob(output), Stream()
    for entry in entries:
        header = tar.header(entry)
        plain.add(header)
        blob.literal(header)
        _write_content(entry, blob, plain)
        plain.add(tar.padding(entry.size))
        blob.end_entry(entry.size)
    plain.add(tar.END)
    digest, size = blob.finish()
    return Descriptor(plain.finish(), digest, size)


def write_tar(entries: Iterable[Entry], output: Output | None = None) -> tuple[str, int]:
    """Write the uncompressed layer; return its diff ID and size. Reads, inflates and verifies every file."""
    plain = Stream(output)
    plain.add_all(tar_pieces(entries))
    return plain.finish(), plain.size


def tar_pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the uncompressed layer."""
    for entry in entries:
        yield tar.header(entry)
        if isinstance(entry.content, bytes):
            yield entry.content
        else:
            yield from entry.content.pieces()
        yield tar.padding(entry.size)
    yield tar.END


def _write_content(entry: Entry, blob: _Blob, plain: Stream) -> None:
    content = entry.content
    if isinstance(content, bytes):
        plain.add(content)
        blob.streamed([content], entry.size)
    elif splice := content.splice():
        _write_spliced(content, splice, entry.size, blob, plain)
    else:
        blob.streamed(plain.passed(content.pieces()), entry.size)


def _write_spliced(content: Content, splice: Splice, size: int, blob: _Blob, plain: Stream) -> None:
    with splice.room() as held:
        if held:
            packed = splice.packed_bytes()
            blob.spliced([packed], splice.crc, size)
            whole = splice.whole(packed)
            plain.add_all(content.pieces() if whole is None else [whole])
            return
    blob.spliced(splice.raw(), splice.crc, size)
    plain.add_all(content.pieces())


class _Blob:
    """The compressed layer: literal bytes wait until a content of its own member, or their number, ends theirs."""

    def __init__(self, output: Output | None) -> None:
        self._stream = Stream(output)
        self._pending = bytearray()

    def literal(self, data: bytes) -> None:
        self._pending += data

    def streamed(self, pieces: Iterable[bytes], size: int) -> None:
        if size > LITERAL_BYTES:
            self._end_member()
            self._stream.add_all(gzip_member.stored(pieces, size))
        else:
            self._pending += b"".join(pieces)

    def spliced(self, raw: Iterable[bytes], crc: int, size: int) -> None:
        self._end_member()
        self._stream.add_all(gzip_member.spliced(raw, crc, size))

    def end_entry(self, size: int) -> None:
        self._pending += tar.padding(size)
        if len(self._pending) >= FLUSH_BYTES:
            self._end_member()

    def finish(self) -> tuple[str, int]:
        self._pending += tar.END
        self._end_member()
        return self._stream.finish(), self._stream.size

    def _end_member(self) -> None:
        self._stream.add(gzip_member.fixed(bytes(self._pending)))
        self._pending.clear()
