"""Each message on the page of troubleshooting is still one that the program says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

from conftest import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
PACKAGE = ROOT / "generator" / "onedigest"
HEADING = re.compile(r"^### `(.*)`$", re.MULTILINE)
Parts = tuple[str | None, ...]
"""A text of the program: None is what is filled in."""


@cache
def said_by_the_program() -> frozenset[Parts]:
    """Return all texts that stand in the program."""
    found: set[Parts] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        found.update(texts_of(ast.parse(path.read_text(encoding="utf-8"))))
    return frozenset(found)


def texts_of(tree: ast.Module) -> Iterator[Parts]:
    """Yield the texts of a module, without docstrings; a constant of the module is filled in."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = dict(constants_of(tree))
    for node in ast.walk(tree):
        if id(node) in documented:
            continue
        if isinstance(node, ast.JoinedStr):
            yield tuple(part_of(each, constants) for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield (node.value,)


def constants_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((each.id, node.value.value) for each in node.targets if isinstance(each, ast.Name))


def part_of(value: ast.expr, constants: Mapping[str, str]) -> str | None:
    if isinstance(value, ast.FormattedValue):
        return constants.get(value.value.id) if isinstance(value.value, ast.Name) else None
    return str(value.value) if isinstance(value, ast.Constant) else None


def is_said(message: str) -> bool:
    """Tell whether the program has a text that becomes a message, at least half of which is the program's own."""
    return any(fits(message, parts) for parts in said_by_the_program())


def fits(message: str, parts: Parts) -> bool:
    words = [None if each is None else each.replace("`", "").rstrip("\n") for each in parts]
    own = [each for each in words if each]
    if sum(map(len, own)) < len(message) / 2 or not all(each in message for each in own):
        return False
    return bool(re.fullmatch("".join(".*?" if each is None else re.escape(each) for each in words), message))


def test_each_message_is_one_that_the_program_says() -> None:
    headings = HEADING.findall(PAGE.read_text(encoding="utf-8"))

    assert len(headings) > 30
    assert [each for each in headings if not is_said(each)] == []


def test_message_that_nobody_says_is_noticed() -> None:
    assert not is_said("the moon is missing in the sky")
    assert not is_said("hello.py changed since it was")


def test_messages_are_on_the_page_once() -> None:
    headings = HEADING.findall(PAGE.read_text(encoding="utf-8"))

    assert sorted(headings) == sorted(set(headings))
