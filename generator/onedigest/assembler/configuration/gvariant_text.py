"""GVariant's text format: how a value is written, and which bytes it stands for (GLib, "GVariant Text Format")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onedigest.assembler.configuration.gvariant import (
    DEPTH,
    FORMS,
    TEXTS,
    NoValue,
    array,
    maybe,
    members,
    number,
    structure,
    text,
    variant,
)

TEXT_CHARACTERS = 1 << 16
"""How long the text of a value may be."""

_TYPES = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "handle": "h",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
_TOKEN = re.compile(
    r"""(?P<bytes>b"(?:[^"\\]|\\.)*"|b'(?:[^'\\]|\\.)*')|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|@(?P<type>[a-z(){}]+)|(?P<word>[-+.\w]+)|(?P<mark>[][(){}<>,:])""",
    re.DOTALL,
)
_SPACE = re.compile(r"\s*")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|inf|nan|infinity)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}


@dataclass(frozen=True, slots=True)
class Node:
    """A value as it is written: `text` of a scalar, `parts` of a container, and the type that is stated before it.

    Parts of a dictionary are its keys and values in turn.
    """

    form: str
    text: str = ""
    parts: tuple[Node, ...] = ()
    kind: str = ""


def value_bytes(kind: str, written: str) -> bytes:
    """Return the value of a type that a text writes. Raises `NoValue`."""
    return _encoded(kind, parse(written))


def parse(written: str) -> Node:
    """Return the value that a text writes. Raises `NoValue`."""
    if len(written) > TEXT_CHARACTERS:
        raise NoValue("the text is too long")
    reader = _Reader(written)
    node = reader.value(0)
    if reader.form:
        raise NoValue(f"{reader.text!r} follows the value")
    return node


def is_within(kind: str, written: str, low: str, high: str) -> bool:
    """Tell whether a number of a type is within limits; all of them as they are written. Raises `NoValue`."""
    least, value, most = (_number(kind, parse(each)) for each in (low, written, high))
    return least <= value <= most


def texts(written: str) -> list[str]:
    """Return the strings of a text that writes a string, or an array of them. Raises `NoValue`."""
    node = parse(written)
    return [_string(each) for each in (node.parts if node.form == "array" else (node,))]


class _Reader:
    """Reads a text token by token: `form` is that of the next one, empty at the end."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._at = 0
        self.form = self.text = ""
        self._next()

    def _next(self) -> str:
        read = self.text
        space = _SPACE.match(self._written, self._at)
        self._at = space.end() if space else self._at
        token = _TOKEN.match(self._written, self._at)
        if token is None and self._at < len(self._written):
            raise NoValue(f"{self._written[self._at : self._at + 20]!r} is not understood")
        self.form = token.lastgroup or "" if token else ""
        self.text = token[self.form] if token else ""
        self._at = token.end() if token else self._at
        return read

    def _take(self, mark: str) -> bool:
        if self.form == "mark" and self.text == mark:
            self._next()
            return True
        return False

    def value(self, depth: int) -> Node:
        if depth > DEPTH:
            raise NoValue("the value is too deep")
        form, read = self.form, self._next()
        if form == "type":
            return _stated(self.value(depth + 1), read)
        if form == "word" and read in _TYPES:
            return _stated(self.value(depth + 1), _TYPES[read])
        if form == "word" and read == "just":
            return Node("just", parts=(self.value(depth + 1),))
        if form in ("word", "text", "bytes"):
            return Node(form, read)
        container = {"[": ("array", "]"), "(": ("tuple", ")"), "<": ("variant", ">"), "{": ("dictionary", "}")}
        if read not in container:
            raise NoValue(f"{read!r} begins no value")
        name, close = container[read]
        parts = tuple(self._parts(close, depth + 1, pairs=read == "{"))
        if name == "variant" and len(parts) != 1:
            raise NoValue("a variant holds one value")
        return Node(name, parts=parts)

    def _parts(self, close: str, depth: int, *, pairs: bool) -> Iterator[Node]:
        while not self._take(close):
            yield self.value(depth)
            if pairs:
                if not self._take(":") and not self._take(","):
                    raise NoValue("a key has no value")
                yield self.value(depth)
            if not self._take(",") and not (self.form == "mark" and self.text == close):
                raise NoValue(f"no {close!r} after a value")


def _stated(node: Node, kind: str) -> Node:
    if members(kind) != [kind]:
        raise NoValue(f"{kind!r} is no type")
    return Node(node.form, node.text, node.parts, kind)


def _encoded(kind: str, node: Node) -> bytes:
    if node.kind and node.kind != kind:
        raise NoValue(f"a value of the type {node.kind} stands where one of {kind} is wanted")
    if kind in FORMS:
        return number(kind, _number(kind, node))
    if kind in TEXTS:
        return text(_string(node))
    if kind[0] == "m":
        return _encoded_maybe(kind[1:], node)
    encode: dict[tuple[str, str], Callable[[str, Node], bytes]] = {
        ("v", "variant"): lambda _, it: variant(_inferred(it.parts[0]), _encoded(_inferred(it.parts[0]), it.parts[0])),
        ("a", "array"): lambda of, it: array(of[1:], [_encoded(of[1:], part) for part in it.parts]),
        ("a", "bytes"): _encoded_bytes,
        ("a", "dictionary"): _encoded_dictionary,
        ("(", "tuple"): _encoded_tuple,
        ("{", "dictionary"): _encoded_tuple,
    }
    if (kind[0], node.form) not in encode:
        raise NoValue(f"{node.form} {node.text} is no value of the type {kind}".replace("  ", " "))
    return encode[kind[0], node.form](kind, node)


def _encoded_maybe(kind: str, node: Node) -> bytes:
    if node.form == "word" and node.text == "nothing":
        return maybe(kind, None)
    return maybe(kind, _encoded(kind, node.parts[0] if node.form == "just" else node))


def _encoded_bytes(kind: str, node: Node) -> bytes:
    if kind != "ay":
        raise NoValue(f"a string of bytes is no value of the type {kind}")
    try:
        return _unescaped(node.text[2:-1]).encode("latin-1") + b"\0"
    except UnicodeEncodeError:
        raise NoValue("a string of bytes holds ASCII") from None


def _encoded_dictionary(kind: str, node: Node) -> bytes:
    if kind[1:2] != "{":
        raise NoValue(f"a dictionary is no value of the type {kind}")
    pairs = zip(node.parts[::2], node.parts[1::2], strict=True)
    return array(kind[1:], [_encoded_tuple(kind[1:], Node("dictionary", parts=pair)) for pair in pairs])


def _encoded_tuple(kind: str, node: Node) -> bytes:
    kinds = members(kind[1:-1])
    if len(kinds) != len(node.parts):
        raise NoValue(f"{len(node.parts)} values are none of the type {kind}")
    return structure(kinds, [_encoded(each, part) for each, part in zip(kinds, node.parts, strict=True)])


def _inferred(node: Node) -> str:
    """Return the type of a value that nothing around it states."""
    if node.kind:
        return node.kind
    if node.form in ("array", "dictionary") and not node.parts:
        raise NoValue("the type of an empty array is not stated")
    infer: dict[str, Callable[[Node], str]] = {
        "word": lambda it: "b" if it.text in ("true", "false") else "i" if _INTEGER.fullmatch(it.text) else "d",
        "text": lambda _: "s",
        "bytes": lambda _: "ay",
        "variant": lambda _: "v",
        "just": lambda it: f"m{_inferred(it.parts[0])}",
        "tuple": lambda it: f"({''.join(map(_inferred, it.parts))})",
        "array": lambda it: f"a{_agreed(it.parts)}",
        "dictionary": lambda it: f"a{{{_agreed(it.parts[::2])}{_agreed(it.parts[1::2])}}}",
    }
    return infer[node.form](node)


def _agreed(nodes: tuple[Node, ...]) -> str:
    """Return the type of values that have one: a stated one counts, and a number with a point."""
    stated = [node.kind for node in nodes if node.kind]
    kinds = stated or [_inferred(node) for node in nodes]
    return "d" if set(kinds) == {"i", "d"} else kinds[0]


def _number(kind: str, node: Node) -> float:
    word = node.text if node.form == "word" else ""
    if kind == "b":
        if word not in ("true", "false"):
            raise NoValue(f"{node.text or node.form} is neither true nor false")
        return word == "true"
    if kind == "d":
        if not _FLOAT.fullmatch(word):
            raise NoValue(f"{node.text or node.form} is no number")
        return float(word)
    integer = _INTEGER.fullmatch(word)
    if not integer or len(word) > TEXT_CHARACTERS >> 10:
        raise NoValue(f"{(node.text or node.form)[:80]} is no integer")
    digits = integer[2].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    try:
        value = int(digits, base)
    except ValueError:
        raise NoValue(f"{word} is no integer") from None
    return -value if integer[1] == "-" else value


def _string(node: Node) -> str:
    if node.form != "text":
        raise NoValue(f"{node.text or node.form} is no string")
    return _unescaped(node.text[1:-1])


def _unescaped(written: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "uU" and len(code) > 1:
            point = int(code[1:], 16)
            if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF or not point:
                raise NoValue(f"\\{code} is no character")
            return chr(point)
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return _ESCAPED.get(code, code)

    return _ESCAPE.sub(one, written)
