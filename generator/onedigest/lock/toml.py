"""Values as TOML 1.0 writes them, on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TO_ESCAPE = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def string(text: str) -> str:
    """Return a basic string."""
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def key(text: str) -> str:
    """Return a bare key, or a quoted one where it must be."""
    return text if _BARE.fullmatch(text) else string(text)


def value(item: Any) -> str:
    """Return any value that TOML can hold, tables inline."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return string(item)
    if isinstance(item, Mapping):
        return inline_table({key(name): value(each) for name, each in item.items()})
    if isinstance(item, Sequence):
        return "[" + ", ".join(map(value, item)) + "]"
    return str(item)


def inline_table(fields: Mapping[str, str]) -> str:
    """Return an inline table of fields that are written already."""
    return "{ " + ", ".join(f"{name} = {text}" for name, text in fields.items()) + " }" if fields else "{}"


def lines(items: Sequence[str]) -> str:
    """Return an array with one item a line, or an empty one."""
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]" if items else "[]"


def rfc3339(moment: datetime) -> str:
    """Return a time in UTC as an index writes it, with no more digits than it needs."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


def _escape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[0]) or f"\\u{ord(match[0]):04x}"
