"""An XML file of a package, read as a small tree without entities of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

ELEMENTS = 200_000
DEPTH = 64
"""Bounds of a file: shared-mime-info has 50,000 elements, nine deep."""


class NoXml(ValueError):
    """The file cannot be read."""


@dataclass(slots=True)
class Element:
    """An element: `name` is its namespace, a space, and its name there; `pieces` are its own text."""

    name: str
    attributes: dict[str, str]
    pieces: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in the element itself."""
        return "".join(self.pieces)

    def all(self, *names: str) -> Iterator[Element]:
        """Yield the children of some names."""
        return (child for child in self.children if child.name in names)


def read(data: bytes) -> Element:
    """Return the root of a file. Raises `NoXml`."""
    root = Element("", {})
    path, count = [root], 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > ELEMENTS or len(path) > DEPTH:
            raise NoXml("it has too many elements")
        element = Element(name, attributes)
        path[-1].children.append(element)
        path.append(element)

    def end(_: str) -> None:
        path.pop()

    def text(more: str) -> None:
        path[-1].pieces.append(more)

    def refuse(*_: object) -> None:
        raise NoXml("it declares entities")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NoXml(str(error)) from None
    return root.children[0]
