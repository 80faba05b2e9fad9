"""The gzip members of `splice-1`, which no compressor has a part in (docs/formats/layers.md, section 3)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

HEADER = bytes.fromhex("1f8b08000000000000ff")
"""No name, time 0, XFL 0, OS 255 (RFC 1952, section 2.3)."""

STORED_BLOCK = 65535

_LONGEST_RUN = 258
_END_OF_BLOCK_BITS = 7  # its code is seven zero bits
_FLUSH_BITS = 2048
_KNOWN_BYTES = 512
_KNOWN_MOST = 16384


def trailer(crc: int, size: int) -> bytes:
    """Return the CRC-32 and ISIZE that end a member (RFC 1952, section 2.3.1)."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def fixed(data: bytes) -> bytes:
    """Return a member of kind A: one final fixed-Huffman block of literals and of runs of equal bytes."""
    out = bytearray(HEADER)
    bits, fill = 0b011, 3  # BFINAL=1, BTYPE=01 (RFC 1951, section 3.2.3)
    for token in _TOKENS.findall(data):
        code, width = _KNOWN.get(token) or _encode(token)
        bits |= code << fill
        fill += width
        if fill > _FLUSH_BITS:
            count = fill >> 3
            out += (bits & (1 << 8 * count) - 1).to_bytes(count, "little")
            bits >>= 8 * count
            fill &= 7
    fill += _END_OF_BLOCK_BITS
    out += bits.to_bytes((fill + 7) >> 3, "little")
    return bytes(out) + trailer(zlib.crc32(data), len(data))


def stored(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield a member of kind S: stored blocks of 65,535 bytes, the last one shorter or equal and marked final."""
    yield HEADER
    crc, left, held = 0, size, bytearray()
    for chunk in chunks:
        crc = zlib.crc32(chunk, crc)
        held += chunk
        while left and len(held) >= min(left, STORED_BLOCK):
            count = min(left, STORED_BLOCK)
            left -= count
            yield struct.pack("<BHH", left == 0, count, count ^ 0xFFFF) + held[:count]
            del held[:count]
    yield trailer(crc, size)


def spliced(raw: Iterable[bytes], crc: int, size: int) -> Iterator[bytes]:
    """Yield a member of kind B: a deflate stream as it is, between header and trailer."""
    yield HEADER
    yield from raw
    yield trailer(crc, size)


def _encode(token: bytes) -> tuple[int, int]:
    """Return (bits, width) of a token: literals, and for each run its first byte and then repeats of distance 1.

    No run of equal bytes reaches over two tokens. Headers share most tokens, and remembering the short ones makes
    headers five times as fast.
    """
    if token.isascii() and not _RUNS.search(token):
        bits, fill = int.from_bytes(token.translate(_LOW), "little"), 8 * len(token)
    else:
        bits, fill = _encode_runs(token)
    if len(token) <= _KNOWN_BYTES and len(_KNOWN) < _KNOWN_MOST:
        _KNOWN[token] = bits, fill
    return bits, fill


def _encode_runs(token: bytes) -> tuple[int, int]:
    bits, fill, at = 0, 0, 0
    for run in _RUNS.finditer(token):
        bits, fill = _literals(bits, fill, token[at : run.start() + 1])
        at = run.start() + 1
        while run.end() - at >= 3:
            step = min(run.end() - at, _LONGEST_RUN)
            code, width = _REPEAT[step]
            bits |= code << fill
            fill += width
            at += step
    return _literals(bits, fill, token[at:])


def _literals(bits: int, fill: int, data: bytes) -> tuple[int, int]:
    for part in _SAME_WIDTH.findall(data):
        if part in _HIGH:
            bits |= _HIGH[part] << fill
            fill += 9
        else:
            bits |= int.from_bytes(part.translate(_LOW), "little") << fill
            fill += 8 * len(part)
    return bits, fill


def _reversed(code: int, width: int) -> int:
    return int(f"{code:0{width}b}"[::-1], 2)


def _repeats() -> list[tuple[int, int]]:
    """Return (bits, width) of 'repeat the last byte n times' for n = 3..258 (RFC 1951, section 3.2.5, distance 1)."""
    codes = [(0, 0)] * (_LONGEST_RUN + 1)
    length = 3
    for symbol in range(257, 285):
        extra = 0 if symbol < 265 else (symbol - 261) // 4
        code, width = (symbol - 256, 7) if symbol < 280 else (0xC0 + symbol - 280, 8)
        for more in range(1 << extra):
            codes[length + more] = _reversed(code, width) | more << width, width + extra + 5
        length += 1 << extra
    codes[_LONGEST_RUN] = _reversed(0xC0 + 285 - 280, 8), 8 + 5
    return codes


_LOW = bytes(_reversed(0x30 + byte, 8) if byte < 144 else 0 for byte in range(256))
_HIGH = {bytes([byte]): _reversed(0x190 + byte - 144, 9) for byte in range(144, 256)}
_REPEAT = _repeats()
_KNOWN: dict[bytes, tuple[int, int]] = {}
_FILE_FIELDS = rb"(?<!0)0000644\x000000000\x000000000\x00(?!\x00)"
_FILE_TAIL = rb"(?<! ) 0\x00{100}ustar\x0000\x00{64}0000000\x000000000\x00{168}(?!\x00)"
"""What the headers of most files share. A token may not begin or end inside a run of equal bytes."""
_TOKENS = re.compile(rb"%b|%b|\0+|[^\0]+" % (_FILE_FIELDS, _FILE_TAIL))
_RUNS = re.compile(rb"(.)\1{3,}", re.DOTALL)
_SAME_WIDTH = re.compile(rb"[\x00-\x8f]+|[\x90-\xff]")
