"""The settings that the block of the defining file gives an image, whichever constructor made the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from onedigest.definition import script as scripts

_OWN = "tool.onedigest"


def read_own_block(data: bytes, shown: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return [tool.onedigest] of a file's block with the lines of its keys; nothing for a file without a block.

    Raises `InputError`.
    """
    blocks = scripts.find_blocks(scripts.canonical_text(data, shown))
    if not any(block.type == "script" for block in blocks):
        return {}, {}
    found = scripts.parse(data, shown)
    lines = {key: line for key, line in found.lines.items() if key == _OWN or key.startswith(f"{_OWN}.")}
    return dict(found.onedigest), lines


def with_build(table: Mapping[str, Any], further: Iterable[Any]) -> dict[str, Any]:
    """Return a table whose `build` has what projects want built too; what is no list stays, for the spec to refuse."""
    several = [each for each in (table.get("build"), *further) if each not in (None, [])]
    if not several:
        return dict(table)
    wrong = next((each for each in several if not _is_list(each)), None)
    joined = list(dict.fromkeys(name for each in several if _is_list(each) for name in each))
    return {**table, "build": joined if wrong is None else wrong}


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
