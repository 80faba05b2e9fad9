"""Knows how to undo the compressions of layers: gzip (RFC 1952), zstd (RFC 8878), or none; in bounded memory."""

from __future__ import annotations

import hashlib
import importlib
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any

from onedigest.digest import Digest
from onedigest.errors import InputError

_READ = 1 << 20


def inflated(file: IO[bytes], compression: str = "gzip") -> Iterator[bytes]:
    """Yield what a file holds, in pieces of 1 MiB at most. Raises `InputError` for what is not so compressed."""
    if compression == "gzip":
        return _gunzipped(file)
    if compression == "zstd":
        return _unzstd(file)
    return iter(lambda: file.read(_READ), b"")


class Inflated:
    """A file that is read forwards: what another one holds."""

    def __init__(self, file: IO[bytes], compression: str) -> None:
        self._pieces = inflated(file, compression)
        self._waiting = b""
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        parts = []
        while size > 0:
            if not self._waiting:
                self._waiting = next(self._pieces, b"")
                self._digest.update(self._waiting)
                if not self._waiting:
                    break
            part, self._waiting = self._waiting[:size], self._waiting[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def digest(self) -> Digest:
        """Read to the end, and return the digest of the whole."""
        while self.read(_READ):
            pass
        return Digest(f"sha256:{self._digest.hexdigest()}")


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(31)
    waiting = b""
    started = False
    while data := waiting or file.read(_READ):
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
    inflater = module.ZstdDecompressor()
    data = b""
    while True:
        if inflater.eof:
            data = inflater.unused_data or file.read(_READ)
            if not data:
                return
            inflater = module.ZstdDecompressor()
        elif inflater.needs_input:
            data = file.read(_READ)
            if not data:
                raise InputError.of("not zstd: it ends too early")
        try:
            piece = inflater.decompress(data, _READ)
        except module.ZstdError as error:
            raise InputError.of(f"not zstd: {error}") from None
        data = b""
        if piece:
            yield piece
