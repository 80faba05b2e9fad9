"""Streams of marshal: what is accepted has one form, and Python reads the same from it."""

from __future__ import annotations

import marshal

from onedigest.bytecode.canonical_marshal import canonical

EXPECTED: tuple[type[Exception], ...] = (ValueError,)
_SOURCE = """
def f(a, *b, c=(1, 'x y', 1.5)): return lambda: (a, b, {1, 'x', (2, b'y')} | c, 2 ** 70, 1j, ..., f'{a!r:>{c}}')
class é: x: int = -0.0
"""
SEEDS: tuple[bytes, ...] = (
    marshal.dumps(compile(_SOURCE, "/a.py", "exec")),
    marshal.dumps((1, "a", ("a", 1.5), ("a", 1.5), frozenset(["b", ("a", 1.5), frozenset()]), b"c", "é", 1 << 99, 2j)),
    canonical(marshal.dumps(compile(_SOURCE, "/a.py", "exec"))),
    b")\3:NNNr\0\0\0\0\xbaNNi\1\0\0\0",
)
TOKENS: tuple[bytes, ...] = (
    *(b"r\0\0\0\0", b"r\1\0\0\0", b"N", b"T", b"\xa9\1", b")\2", b">\2\0\0\0", b"\xbe\2\0\0\0", b"z\1a", b"\xfa\1a"),
    *(
        b"g\0\0\0\0\0\0\xf8\xff",
        b"c" + bytes(20),
        b"u\1\0\0\0a",
        b"(\xff\xff\xff\x7f",
        b")\1" * 100,
        b">\1\0\0\0" * 100,
    ),
)


def run(data: bytes) -> None:
    """Write a stream in the canonical form, twice."""
    found = canonical(data)
    assert canonical(found) == found
