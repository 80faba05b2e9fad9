"""The order of Debian versions, and the meaning of a relation between them (Debian Policy, 5.6.12 and 7.1)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache

_PARTS = re.compile(r"(\D*)(\d*)", re.ASCII)
Number = tuple[int, str]
"""How many digits, and which: they order numbers of any length."""
Part = tuple[tuple[int, ...], Number]
Key = tuple[Number, tuple[Part, ...], tuple[Part, ...]]

_ZERO: Number = (0, "")
_END: Part = ((0,), _ZERO)
_RELATIONS: dict[str, Callable[[Key, Key], bool]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
}


@lru_cache(maxsize=4096)
def key(version: str) -> Key:
    """Return a sort key for a version."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return _number(epoch), _part(upstream), _part(revision)


def upstream(version: str) -> str:
    """Return the upstream part of a version: without epoch, revision and repacking mark."""
    rest = version.partition(":")[2] or version
    return re.sub(r"[+~](?:dfsg|ds|really).*", "", rest.rpartition("-")[0] or rest)


def satisfies(version: str, relation: str, wanted: str) -> bool:
    """Tell whether a version stands in a relation (`<<`, `<=`, `=`, `>=`, `>>`, or empty for any) to another."""
    return not relation or _RELATIONS[relation](key(version), key(wanted))


def _part(text: str) -> tuple[Part, ...]:
    """Return alternating keys of non-digits and numbers. The end sorts after `~` and before everything else."""
    parts = [((*map(_weight, letters), 0), _number(digits)) for letters, digits in _PARTS.findall(text)]
    while len(parts) > 1 and parts[-1] == _END:
        parts.pop()
    return (*parts, _END)


def _number(digits: str) -> Number:
    significant = digits.lstrip("0")
    return len(significant), significant


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
