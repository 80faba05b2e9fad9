"""The list of files in the image below, which decides what is made for packages above it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.assembler.elf import Elf
from onedigest.assembler.entry import Entry, Splice
from onedigest.assembler.refusal import Refused

FORMAT = 1
"""The number that a list states (docs/formats/layers.md, section 8)."""

_MOST_BYTES = 256 << 20
_KINDS = ("dir", "file", "link")
_NUMBERS = ("bits", "flags", "isa-level", "kind", "machine")
_NUMBER = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list tells of the content of a file: what it says of itself as an ELF file, and some of its text."""

    elf: Elf | None
    text: bytes

    def splice(self) -> Splice | None:
        """Return None: no layer holds such a file."""
        return None

    def pieces(self) -> Iterator[bytes]:
        """Yield the text."""
        yield self.text


def is_listed(entry: Entry) -> bool:
    """Tell whether an entry is a file of an image below, of whose content the list alone tells."""
    return isinstance(entry.content, Listed)


def elf_facts(elf: Elf) -> dict[str, str]:
    """Return what a list says of an ELF file."""
    numbers = (elf.bits, elf.flags, elf.isa_level, elf.kind, elf.machine)
    found = {name: str(number) for name, number in zip(_NUMBERS, numbers, strict=True)}
    found |= {"dynamic": "yes"} if elf.dynamic else {}
    found |= {"interpreter": _written(elf.interpreter)} if elf.interpreter else {}
    found |= {"needed": "\0".join(map(_written, elf.needed))} if elf.needed else {}
    return found if elf.soname is None else {**found, "soname": _written(elf.soname)}


def text_fact(content: bytes) -> str:
    """Return bytes as a list has them: a character up to U+00FF for each, for they need not be UTF-8."""
    return content.decode("latin-1")


def _written(name: str) -> str:
    return text_fact(name.encode("utf-8", "surrogateescape"))


def _read_back(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape")


def read_list(path: Path) -> dict[str, Entry]:
    """Read a list as entries by path, whose content is `Listed`. Raises `Refused` (`limit` or `document`)."""
    if path.stat().st_size > _MOST_BYTES:
        raise Refused("limit", f"{path.name}: more than {_MOST_BYTES} bytes")
    try:
        entries = [_entry(row, path.name) for row in _rows(json.loads(path.read_bytes()))]
    except (ValueError, RecursionError) as error:
        raise Refused("document", f"{path.name}: no list of files: {error}") from None
    return {entry.path: entry for entry in entries}


def _rows(found: Any) -> list[Any]:
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("files"), list):
        raise ValueError(f"it is not of format {FORMAT}")
    return list(found["files"])


def _entry(row: Any, origin: str) -> Entry:
    if not isinstance(row, list) or len(row) != 4:
        raise ValueError("a row has not four values")
    path, kind, target, facts = row
    texts = [path, kind, target, *(facts.values() if isinstance(facts, dict) else [None])]
    if kind not in _KINDS or not all(isinstance(each, str) for each in texts):
        raise ValueError("a row has another value than a list has")
    (path + target).encode()  # half of a character is no part of a path
    text = facts.get("text", "").encode("latin-1")
    if kind != "file":
        return Entry(path, kind, 0o755, target=target, origin=origin)
    return Entry(path, "file", 0o644, len(text), Listed(_elf(facts), text), origin=origin)


def _elf(facts: Mapping[str, str]) -> Elf | None:
    if "machine" not in facts:
        return None
    if not all(_NUMBER.fullmatch(facts.get(name, "")) for name in _NUMBERS):
        raise ValueError("what it says of an ELF file is not whole")
    bits, flags, level, kind, machine = (int(facts[name]) for name in _NUMBERS)
    return Elf(
        bits=bits,
        machine=machine,
        flags=flags,
        kind=kind,
        dynamic="dynamic" in facts,
        interpreter=_read_back(facts.get("interpreter", "")),
        soname=_read_back(facts["soname"]) if "soname" in facts else None,
        needed=tuple(map(_read_back, facts["needed"].split("\0"))) if "needed" in facts else (),
        isa_level=level,
    )
