"""Knows what is to be known of the files of an image that packages are put above, for its cache of libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from onedigest.assembler import deb
from onedigest.assembler.configuration.library_machine import LDCONFIG, generator_in
from onedigest.assembler.elf import Elf, elf_of
from onedigest.assembler.entry import Content
from onedigest.assembler.spool import Spool

NAME = "libraries-1"
"""Changes whenever `facts_of` would find others."""
WANTED = re.compile(
    rf"{LDCONFIG}|etc/ld\.so\.conf(?:\.d/[^/]+)?|(?:.*/)?(?:(?:lib|ld-)[^/]*\.so[^/]*|ld(?:64)?\.so\.[^/]*)", re.DOTALL
)
"""The paths of files whose facts are wanted, without a leading slash."""

_NUMBERS = 6
_CODING = ("utf-8", "surrogateescape")
_TEXT_BYTES = 64 << 10
_FILE_BYTES = 1 << 30
_READ = 1 << 20


class Readable(Protocol):
    """Something that is read forwards."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A path of an image: `kind` and `target` are those of an entry, and `facts` are what `facts_of` found in it."""

    kind: str
    target: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> bytes:
        """What stands in it, as far as it is of use here."""
        return _bytes(self.facts.get("text", ""))

    @property
    def elf(self) -> Elf | None:
        """What it says of itself, if it is an ELF file; search paths are not known of it."""
        numbers = self.facts.get("elf", "").split(" ")
        if len(numbers) != _NUMBERS or not all(re.fullmatch(r"[0-9]{1,10}", each) for each in numbers):
            return None
        bits, machine, flags, kind, dynamic, isa_level = map(int, numbers)
        names = {name: _name(self.facts[name]) for name in ("soname", "interpreter") if name in self.facts}
        needed = tuple(_name(each) for each in self.facts.get("needed", "").split("\0") if each)
        return Elf(
            bits=bits,
            machine=machine,
            flags=flags,
            kind=kind,
            dynamic=bool(dynamic),
            interpreter=names.get("interpreter", ""),
            soname=names.get("soname"),
            needed=needed,
            isa_level=isa_level,
        )


def facts_of(path: str, file: Readable) -> dict[str, str]:
    """Return the facts of a file whose path `WANTED` matches, as texts of characters up to U+00FF.

    Little of it is in memory at once. What lies behind the first GiB of a file is not read.
    """
    if path.startswith("etc/"):
        return {"text": _text(b"".join(_pieces(file, _TEXT_BYTES)))}
    if path == LDCONFIG:
        content: bytes | Content = b"".join(_pieces(file, deb.TEXT_BYTES))
    else:
        content, _ = Spool().keep(_pieces(file, _FILE_BYTES), _FILE_BYTES)
    elf = elf_of(content)
    if elf is None:
        return {}
    numbers = (elf.bits, elf.machine, elf.flags, elf.kind, int(elf.dynamic), elf.isa_level)
    found = {"elf": " ".join(map(str, numbers)), "needed": _text("\0".join(elf.needed).encode(*_CODING))}
    if elf.soname is not None:
        found["soname"] = _text(elf.soname.encode(*_CODING))
    if elf.interpreter:
        found["interpreter"] = _text(elf.interpreter.encode(*_CODING))
    if isinstance(content, bytes):
        found["text"] = _text(generator_in(content))
    return found


def _pieces(file: Readable, most: int) -> Iterator[bytes]:
    first = True
    while most and (piece := file.read(min(_READ, most))):
        # no need to go on with what is no ELF file, but for texts
        if first and most == _FILE_BYTES and not piece.startswith(b"\x7fELF"):
            return
        first = False
        most -= len(piece)
        yield piece


def _text(content: bytes) -> str:
    return content.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _name(text: str) -> str:
    return _bytes(text).decode(*_CODING)
