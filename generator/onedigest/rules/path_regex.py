"""The patterns of a .dockerignore as regular expressions that Python and POSIX (extended) read alike."""

from __future__ import annotations

from collections.abc import Iterator

_ESCAPED = frozenset(".[\\()*+?{|^$")
_ANY = "[^/]"
_WIDE = "[^/]{1,4}"
"""A character where only bytes are known, of UTF-8."""

_NOTHING = "[^/]{0}//"
"""What matches no path."""

_LAST_ASCII = "\x7f"


def path_regex(pattern: str, *, bytewise: str = "") -> str:
    """Return what matches a path, or one below it, in full.

    For an engine that reads bytes, `bytewise` is `more` or `less`: what is matched where a set of characters, or `?`,
    is about others than ASCII's.
    """
    return "".join(_pieces(pattern, bytewise)) + "(/.*)?"


def _pieces(pattern: str, bytewise: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            yield "(.*/)?"
            at += 3
        elif pattern.startswith("**", at):
            yield ".*"
            at += 2
        elif pattern[at] == "*":
            yield "[^/]*"
            at += 1
        elif pattern[at] == "?":
            yield _WIDE if bytewise == "more" else _ANY
            at += 1
        elif pattern[at] == "[":
            negative, ranges, at = _read_set(pattern, at + 1)
            yield _set(ranges, bytewise, negative=negative)
        else:
            at += pattern[at] == "\\" and at + 1 < len(pattern)
            yield _one(pattern[at])
            at += 1


def _one(character: str) -> str:
    if character in "]}":
        return f"[{character}]"
    return f"\\{character}" if character in _ESCAPED else character


def _read_set(pattern: str, at: int) -> tuple[bool, list[tuple[str, str]], int]:
    """Return whether a set is negative, its ranges, and where it ended."""
    negative = pattern.startswith("^", at)
    at += negative
    ranges: list[tuple[str, str]] = []
    while at < len(pattern) and (pattern[at] != "]" or not ranges):
        low, at = _read_one(pattern, at)
        high = low
        if pattern.startswith("-", at) and at + 1 < len(pattern) and pattern[at + 1] != "]":
            high, at = _read_one(pattern, at + 1)
        ranges.append((low, high))
    return negative, ranges, at + 1


def _read_one(pattern: str, at: int) -> tuple[str, int]:
    at += pattern[at] == "\\" and at + 1 < len(pattern)
    return pattern[at], at + 1


def _set(ranges: list[tuple[str, str]], bytewise: str, *, negative: bool) -> str:
    ascii_alone = all(high <= _LAST_ASCII for _, high in ranges)
    if bytewise and negative:
        return _WIDE if bytewise == "more" else _bracket(ranges, negative=True) if ascii_alone else "[^/\x01-\x7f]"
    if bytewise and not ascii_alone:
        return _alternatives(ranges, bytewise)
    return _bracket(ranges, negative=negative)


def _alternatives(ranges: list[tuple[str, str]], bytewise: str) -> str:
    """Return a set as bytes read it: a bracket for what is ASCII, an alternative for each other character."""
    if any(low != high and high > _LAST_ASCII for low, high in ranges) and bytewise == "more":
        return _WIDE
    plain = [(low, high) for low, high in ranges if high <= _LAST_ASCII]
    others = [low for low, high in ranges if low == high and low > _LAST_ASCII]
    found = [*([_bracket(plain, negative=False)] if plain else []), *others]
    return f"({'|'.join(found)})" if found else _NOTHING


def _bracket(ranges: list[tuple[str, str]], *, negative: bool) -> str:
    """Return a bracket expression, in which no character needs an escape: `]` is first, `[`, `^` and `-` are last."""
    single = {low for low, high in ranges if low == high} - {"\\"}  # no path has a backslash
    wide = "".join(f"{low}-{high}" for low, high in ranges if low != high)
    first = "]" if "]" in single else ""
    last = "".join(each for each in "[^-" if each in single)
    inner = "".join(sorted(single - set("]/[^-")))
    if negative:
        return f"[^{first}/{wide}{inner}{last}]"
    if not (first or wide or inner):
        return f"({'|'.join(map(_one, last))})" if last else _NOTHING
    return f"[{first}{wide}{inner}{last}]"
