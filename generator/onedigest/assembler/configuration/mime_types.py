"""Descriptions of media types, and what they say (Shared MIME-info Database, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from onedigest.assembler.configuration.xml_tree import Element

SPACE = "http://www.freedesktop.org/standards/shared-mime-info "

_TYPE = re.compile(r"[!-.0-~]{1,127}/[!-.0-~]{1,127}")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"b": b"\b", b"t": b"\t", b"f": b"\f", b"v": b"\v"}
_VALUE_BYTES = 0xFFFF
"""What two bytes hold, which tell the length of a value."""
_SIZES = {"byte": 1, "big16": 2, "big32": 4, "little16": 2, "little32": 4, "host16": 2, "host32": 4}


class NoType(ValueError):
    """The description says something that is not understood."""


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of file names, and how much it counts."""

    pattern: str
    weight: int
    exact: bool
    """Whether capital letters are told apart."""


@dataclass(frozen=True, slots=True)
class Matchlet:
    """Bytes that a file has somewhere from `start` on, in `length` places, and one of `parts` besides.

    They are words of a size, in the machine's own order where it is not 1.
    """

    start: int
    length: int
    word: int
    value: bytes
    mask: bytes
    parts: tuple[Matchlet, ...]


@dataclass(frozen=True, slots=True)
class Magic:
    """How files of a type begin: one of some matches."""

    priority: int
    kind: str
    matches: tuple[Matchlet, ...]


@dataclass(frozen=True, slots=True)
class TreeMatch:
    """A path that a medium of a type has: `said` are its options as the file of them has them."""

    path: str
    said: str
    parts: tuple[TreeMatch, ...]


@dataclass(slots=True)
class Types:
    """What all descriptions say, by type or by what it is looked up with."""

    names: set[str] = field(default_factory=set)
    globs: dict[str, list[Glob]] = field(default_factory=dict)
    magic: dict[str, list[Magic]] = field(default_factory=dict)
    trees: list[tuple[int, str, tuple[TreeMatch, ...]]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    parents: dict[str, dict[str, None]] = field(default_factory=dict)
    spaces: dict[tuple[str, str], str] = field(default_factory=dict)
    icons: dict[str, str] = field(default_factory=dict)
    generic_icons: dict[str, str] = field(default_factory=dict)

    def add_file(self, root: Element) -> None:
        """Add the descriptions of a file, all of them or none. Raises `NoType` or `KeyError`."""
        if root.name != f"{SPACE}mime-info":
            raise NoType("no descriptions of types")
        # what is wrong with one does not depend on the others
        for types in (Types(), self):
            for element in root.all(f"{SPACE}mime-type"):
                kind = _type(element.attributes["type"])
                types.names.add(kind)
                for said in element.children:
                    types.add(kind, said.name.removeprefix(SPACE), said)

    def add(self, kind: str, name: str, said: Element) -> None:
        """Add what one element of a description says. Raises `NoType` or `KeyError`."""
        take = said.attributes
        if name == "glob":
            exact = take.get("case-sensitive") == "true"
            pattern = _line(take["pattern"])
            glob = Glob(pattern if exact else pattern.lower(), _small(take.get("weight", "50")), exact)
            self.globs.setdefault(kind, []).append(glob)
        elif name == "glob-deleteall":
            self.globs.pop(kind, None)
        elif name == "magic":
            matches = tuple(_matchlets(said))
            self.magic.setdefault(kind, []).append(Magic(_small(take.get("priority", "50")), kind, matches))
        elif name == "magic-deleteall":
            self.magic.pop(kind, None)
        elif name == "treemagic":
            self.trees.append((_small(take.get("priority", "50")), kind, tuple(_tree(said))))
        elif name == "alias":
            self.aliases[_type(take["type"])] = kind
        elif name == "sub-class-of":
            self.parents.setdefault(kind, {})[_type(take["type"])] = None
        elif name == "root-XML":
            self.spaces[_line(take["namespaceURI"]), _line(take["localName"])] = kind
        elif name == "icon":
            self.icons[kind] = _line(take["name"])
        elif name == "generic-icon":
            self.generic_icons[kind] = _line(take["name"])


def _matchlets(element: Element) -> Iterator[Matchlet]:
    for match in element.all(f"{SPACE}match"):
        said = match.attributes
        start, _, end = said["offset"].partition(":")
        length = _count(end) - _count(start) + 1 if end else 1
        kind = said["type"]
        value = _unescaped(said["value"]) if kind == "string" else _word(kind, said["value"])
        mask = b""
        if "mask" in said:
            mask = _bytes_of(said["mask"]) if kind == "string" else _word(kind, said["mask"])
            if len(mask) != len(value):
                raise NoType("a mask has another length than its value")
        if len(value) > _VALUE_BYTES:
            raise NoType("a value is too long")
        if length < 1 or not value:
            raise NoType("a match matches nothing")
        word = _SIZES[kind] if kind.startswith("host") else 1
        yield Matchlet(_count(start), length, word, value, mask, tuple(_matchlets(match)))


def _tree(element: Element) -> Iterator[TreeMatch]:
    for match in element.all(f"{SPACE}treematch"):
        said = match.attributes
        text = f"={said['type']}" if "type" in said else "=any"
        for name in ("match-case", "executable", "non-empty"):
            text += f",{name}" if said.get(name) == "true" else ""
        text += f",{said['mimetype']}" if "mimetype" in said else ""
        yield TreeMatch(_line(said["path"]), _line(text), tuple(_tree(match)))


def _word(kind: str, text: str) -> bytes:
    """Return a number as it stands in a file; one in the order of the machine stands as a big one."""
    if kind not in _SIZES:
        raise NoType(f"{kind} is no type of a match")
    try:
        return _integer(text).to_bytes(_SIZES[kind], "little" if kind.startswith("little") else "big")
    except OverflowError:
        raise NoType(f"{text} does not fit into {kind}") from None


def _integer(text: str) -> int:
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,11}", text):
        raise NoType(f"{text[:80]!r} is no number")
    return int(text, 16 if text[:2].lower() == "0x" else 8 if text.startswith("0") else 10)


def _bytes_of(text: str) -> bytes:
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", text):
        raise NoType(f"{text[:80]!r} is no mask")
    return bytes.fromhex(text[2:])


def _unescaped(text: str) -> bytes:
    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        if code[:1] == b"x" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        return bytes([int(code, 8) & 0xFF]) if code[:1] in b"01234567" else _ESCAPED.get(code, code)

    return _ESCAPE.sub(one, text.encode())


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise NoType(f"{text[:80]!r} is no offset")
    return int(text)


def _small(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        raise NoType(f"{text[:80]!r} is not from 0 to 100")
    return int(text)


def _type(text: str) -> str:
    if not _TYPE.fullmatch(text):
        raise NoType(f"{text[:80]!r} is no media type")
    return text


def _line(text: str) -> str:
    if "\n" in text or len(text) > 256:
        raise NoType(f"{text[:80]!r} is no line")
    return text
