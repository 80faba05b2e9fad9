"""The unpacking of a .deb's archives: by their name, in bounded memory, one stream to its end."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from onedigest.assembler.refusal import Refused

PIECE = 1 << 20
MEMORY = 256 << 20
"""What a decompressor may take: `xz -9` needs 65 MiB, and a header can ask for 4 GiB."""


class _Decompressor(Protocol):
    """What lzma and bz2 have."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


def unpacked(packed: Iterable[bytes], member: str, name: str) -> Iterator[bytes]:
    """Yield the content of a member such as `data.tar.xz` in pieces.

    Raises `Refused` (`deb`) for what dpkg does not know, another format than that of the name, and bytes that follow.
    """
    suffix = member.partition(".tar")[2]
    if suffix == ".zst":
        raise Refused("deb", f"{name}: packed with zstd, which Debian does not use")
    if suffix not in ("", ".gz", ".xz", ".bz2"):
        raise Refused("deb", f"{name}: `{member}` is packed in an unknown way")
    if not suffix:
        yield from packed
        return
    decompressor = _decompressor(suffix)
    for data in packed:
        if decompressor.eof:
            raise _followed(member, name)
        yield from _pieces(decompressor, data, member, name)
    if not decompressor.eof:
        raise Refused("deb", f"{name}: `{member}` is cut off")
    if decompressor.unused_data:
        raise _followed(member, name)


def _pieces(decompressor: _Decompressor, data: bytes, member: str, name: str) -> Iterator[bytes]:
    while True:
        try:
            piece = decompressor.decompress(data, PIECE)
        except (lzma.LZMAError, zlib.error, ValueError, EOFError, OSError) as error:
            raise Refused("deb", f"{name}: `{member}` is broken ({error})") from None
        data = b""
        if piece:
            yield piece
        if decompressor.eof or decompressor.needs_input:
            return


def _decompressor(suffix: str) -> _Decompressor:
    if suffix == ".gz":
        return _Gzip()
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY)


def _followed(member: str, name: str) -> Refused:
    return Refused("deb", f"{name}: data after the end of `{member}`")


class _Gzip:
    """One gzip stream, as the other decompressors are used."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self.needs_input = not self._stream.unconsumed_tail and len(piece) < max_length
        return piece
