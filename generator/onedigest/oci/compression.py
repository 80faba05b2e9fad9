"""The decompression of layers in bounded memory: gzip (RFC 1952), zstd (RFC 8878), or none."""

from __future__ import annotations

import hashlib
import importlib
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any

from onedigest.digest import Digest
from onedigest.errors import InputError

MOST_INFLATED = 64 << 30
"""What a layer may hold at most, in bytes."""

_READ = 1 << 20
_FEED = 1 << 14
"""What an inflater gets at a time: it copies what comes after the end of a member, and members may be tiny."""
_ALWAYS, _RATIO = 1 << 30, 200
"""A layer may hold this much whatever its size, and so many times its size: real ones have 2 to 20 times."""
_WINDOW = 27
"""Zstd's own limit: windows of 128 MiB (its command takes larger ones with `--long=28` and more alone)."""


def most_inflated(size: int) -> int:
    """Return how many bytes a compressed layer of some size may hold."""
    return min(MOST_INFLATED, _ALWAYS + _RATIO * size)


def inflated(file: IO[bytes], compression: str = "gzip", most: int = MOST_INFLATED) -> Iterator[bytes]:
    """Yield what a file holds, in pieces of 1 MiB at most. Raises `InputError` for what is not so compressed.

    Raises it, too, for what holds more than `most` bytes.
    """
    left = most
    for piece in _pieces(file, compression):
        left -= len(piece)
        if left < 0:
            raise InputError.of(f"larger than {most} bytes when it is inflated")
        yield piece


def _pieces(file: IO[bytes], compression: str) -> Iterator[bytes]:
    if compression == "gzip":
        return _gunzipped(file)
    if compression == "zstd":
        return _unzstd(file)
    return iter(lambda: file.read(_READ), b"")


class InflatedStream:
    """A file that is read forwards: what another one holds."""

    def __init__(self, file: IO[bytes], compression: str, most: int = MOST_INFLATED) -> None:
        self._pieces = inflated(file, compression, most)
        self._piece = b""
        self._at = 0
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        end = self._at + size
        if end <= len(self._piece):
            found, self._at = self._piece[self._at : end], end
            return found
        parts = []
        while size > 0:
            if self._at == len(self._piece):
                self._piece, self._at = next(self._pieces, b""), 0
                self._digest.update(self._piece)
                if not self._piece:
                    break
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> int:
        """Pass over the next bytes; return how many there were."""
        left = size
        while left > 0 and (piece := self.read(min(left, _READ))):
            left -= len(piece)
        return size - left

    def digest(self) -> Digest:
        """Read to the end, and return the digest of the whole."""
        while self.read(_READ):
            pass
        return Digest(f"sha256:{self._digest.hexdigest()}")


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(31)
    waiting = b""
    started = False
    while data := waiting or file.read(_FEED):
        started = True
        try:
            piece = inflater.decompress(data, _READ)
        except zlib.error as error:
            raise InputError.of(f"not gzip: {error}") from None
        if piece:
            yield piece
        waiting = inflater.unconsumed_tail
        if inflater.eof:
            waiting = inflater.unused_data
            inflater = zlib.decompressobj(31)
            started = False
    if started:
        raise InputError.of("not gzip: it ends too early")


def _unzstd(file: IO[bytes]) -> Iterator[bytes]:
    module: Any = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    options = {module.DecompressionParameter.window_log_max: _WINDOW}
    inflater = module.ZstdDecompressor(options=options)
    data = b""
    while True:
        if inflater.eof:
            data = inflater.unused_data or file.read(_FEED)
            if not data:
                return
            inflater = module.ZstdDecompressor(options=options)
        elif inflater.needs_input:
            data = file.read(_FEED)
            if not data:
                raise InputError.of("not zstd: it ends too early")
        try:
            piece = inflater.decompress(data, _READ)
        except module.ZstdError as error:
            raise InputError.of(f"not zstd: {error}") from None
        data = b""
        if piece:
            yield piece
