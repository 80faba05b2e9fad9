"""Knows the list of files of an image below, on which depends what is made for packages above it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.assembler.refusal import Refused

FORMAT = 1
"""The number that a list states (docs/formats/lists.md)."""

_MOST_BYTES = 256 << 20
_KINDS = ("dir", "file", "link")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the image: its kind, `dir`, `file` or `link`, the target of a link, and what was found in it."""

    kind: str
    target: str
    facts: Mapping[str, str]


def read_list(path: Path) -> dict[str, Listed]:
    """Read a list of files, by path without a leading slash. Raises `Refused` (`document`)."""
    if path.stat().st_size > _MOST_BYTES:
        raise Refused("limit", f"{path.name}: more than {_MOST_BYTES} bytes")
    try:
        return dict(map(_listed, _rows(json.loads(path.read_bytes()))))
    except (ValueError, RecursionError) as error:
        raise Refused("document", f"{path.name}: no list of files: {error}") from None


def _rows(found: Any) -> list[Any]:
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("files"), list):
        raise ValueError(f"it is not of format {FORMAT}")
    return list(found["files"])


def _listed(row: Any) -> tuple[str, Listed]:
    if not isinstance(row, list) or len(row) != 4:
        raise ValueError("a row has not four values")
    path, kind, target, facts = row
    texts = [path, kind, target, *(facts.values() if isinstance(facts, dict) else [None])]
    if kind not in _KINDS or not all(isinstance(each, str) for each in texts):
        raise ValueError("a row has another value than a list has")
    return path, Listed(kind, target, facts)
