"""Serialised values of GVariant, little endian (GLib, "GVariant Specification" 1.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

DEPTH = 32
TYPE_CHARACTERS = 1000
"""How deep containers may be in each other, and how long a type may be."""

FORMS = {"b": "<B", "y": "<B", "n": "<h", "q": "<H", "i": "<i", "u": "<I", "h": "<i", "x": "<q", "t": "<Q", "d": "<d"}
"""The basic types of a fixed size, and how each is packed."""

TEXTS = "sog"


class NoValue(ValueError):
    """The text is no value of the type that is asked for."""


def members(types: str) -> list[str]:
    """Return the complete types in the inside of a tuple or dictionary entry. Raises `NoValue`."""
    found = []
    if len(types) > TYPE_CHARACTERS:
        raise NoValue("the type is too long")
    while types:
        end = _end(types, 0, 0)
        found.append(types[:end])
        types = types[end:]
    return found


def _end(types: str, at: int, depth: int) -> int:
    """Return where the complete type that begins at a place ends."""
    kind = types[at : at + 1]
    if depth > DEPTH:
        raise NoValue("the type is too deep")
    if kind and kind in f"{''.join(FORMS)}{TEXTS}v":
        return at + 1
    if kind in ("a", "m"):
        return _end(types, at + 1, depth + 1)
    if kind in ("(", "{"):
        close = ")" if kind == "(" else "}"
        at += 1
        while types[at : at + 1] != close:
            at = _end(types, at, depth + 1)
        return at + 1
    raise NoValue(f"{types[:80]!r} is no type")


@lru_cache(1024)
def alignment(kind: str) -> int:
    """Return what the offset of a value of a type is a multiple of."""
    if kind in FORMS:
        return struct.calcsize(FORMS[kind])
    if kind == "v":
        return 8
    if kind[0] in "am":
        return alignment(kind[1:])
    return max((alignment(each) for each in members(kind[1:-1])), default=1) if kind[0] in "({" else 1


@lru_cache(1024)
def fixed_size(kind: str) -> int:
    """Return the size that all values of a type have, 0 where they differ."""
    if kind in FORMS:
        return struct.calcsize(FORMS[kind])
    if kind[0] not in "({":
        return 0
    size = 0
    for each in members(kind[1:-1]):
        if not fixed_size(each):
            return 0
        size = _up(size, alignment(each)) + fixed_size(each)
    return _up(size, alignment(kind)) or 1


def number(kind: str, value: float) -> bytes:
    """Return a value of a type in `FORMS`. Raises `NoValue` for one that it cannot hold."""
    try:
        return struct.pack(FORMS[kind], value)
    except (struct.error, OverflowError):
        raise NoValue(f"{value} is not in the range of {kind}") from None


def text(value: str) -> bytes:
    """Return a string."""
    if "\0" in value:
        raise NoValue("a string holds no null")
    return value.encode() + b"\0"


def variant(kind: str, data: bytes) -> bytes:
    """Return a variant that holds a value of a type."""
    return data + b"\0" + kind.encode()


def maybe(kind: str, data: bytes | None) -> bytes:
    """Return a value of `m` and a type, or nothing."""
    if data is None:
        return b""
    return data if fixed_size(kind) else data + b"\0"


def array(kind: str, parts: Iterable[bytes]) -> bytes:
    """Return an array of values of a type."""
    if fixed_size(kind):
        return b"".join(parts)
    body, ends = b"", []
    for part in parts:
        body = _padded(body, alignment(kind)) + part
        ends.append(len(body))
    return _framed(body, ends)


def structure(kinds: Sequence[str], parts: Sequence[bytes]) -> bytes:
    """Return a tuple or dictionary entry of values of types."""
    body, ends = b"", []
    for number_of_it, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
        body = _padded(body, alignment(kind)) + part
        if not fixed_size(kind) and number_of_it < len(kinds) - 1:
            ends.append(len(body))
    whole = f"({''.join(kinds)})"
    if fixed_size(whole):
        return body.ljust(fixed_size(whole), b"\0")
    return _framed(body, ends[::-1])


def _framed(body: bytes, ends: Sequence[int]) -> bytes:
    """Append where parts end, in as few bytes as all of it can be counted in."""
    for size, form in ((1, "<B"), (2, "<H"), (4, "<I")):
        if len(body) + size * len(ends) < 1 << 8 * size:
            return body + b"".join(struct.pack(form, end) for end in ends)
    raise NoValue("the value is too large")


def _padded(body: bytes, multiple: int) -> bytes:
    return body.ljust(_up(len(body), multiple), b"\0")


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
