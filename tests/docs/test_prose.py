"""Prose of pages: one sentence a line, at most 25 words each, and lines that fit beside each other in a review."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conftest import ROOT

MOST_WORDS = 25
WIDEST = {"README.md": 120}
"""How many characters a line has at most, where that is not `WIDE`."""

WIDE = 160
EXEMPT = {
    "CHANGELOG.md",  # one line for each change, however much there is to say
}
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.relative_to(ROOT).as_posix() not in EXEMPT
)
FENCE = re.compile(r" *(```+|~~~+)")
NO_PROSE = re.compile(r"\s*(\||#+ |<|!!! |\?\?\? |=== |\[[^\]]+\]: |---$|!\[)")
"""How a line begins that is a table, a heading, markup, the head of a box or a tab, a definition or a picture."""

MARKER = re.compile(r"\s*(?:(?:[-*+]|\d+\.|>)\s+)*(?:\[[ x]\] )?")
CODE = re.compile(r"(`+)(?:(?!\1).)+\1")
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\](?:\([^)\s]*\)|\[[^\]]*\])")
SHORT = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|no)\.", re.IGNORECASE)
NEXT_SENTENCE = re.compile(r"[\w)\]\"”*_]([.?!])[*_)\"”]*\s+(?=[A-Z\"“(\[*_])")
ENDS = (".", "?", "!", ":", '."', '!"', ".)", "?)", ".*", ".**", ":**", "…")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of prose, without its marks."""

    number: int
    text: str
    item: bool
    """Whether it begins an item of a list."""


def prose_of(text: str) -> Iterator[Line | None]:
    """Yield the lines of prose of a page, and None for whatever stands between them."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        if opened := FENCE.match(line):
            fence = opened[1] if not fence else "" if opened[1] == fence else fence
            yield None
        elif fence or not line.strip() or NO_PROSE.match(line):
            yield None
        else:
            marker = MARKER.match(line)
            assert marker is not None
            yield Line(number, plain(line[marker.end() :]), bool(marker[0].strip()))


def plain(text: str) -> str:
    """Return prose with a word in place of each code, and links as what they say."""
    return SHORT.sub("short", LINK.sub(r"\1", CODE.sub("Code", text))).strip()


def words_of(text: str) -> int:
    """Count the words of a sentence."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def faults_of(text: str, name: str) -> Iterator[str]:
    """Say what breaks the rules in a page."""
    widest = WIDEST.get(name, WIDE)
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= FENCE.match(line) is not None
        if len(line) > widest and not fenced and not line.lstrip().startswith("|"):
            yield f"{name}:{number}: {len(line)} characters, at most {widest}"
    before: Line | None = None
    for here in prose_of(text):
        if here is not None:
            if before is not None and not here.item and not before.text.endswith(ENDS):
                yield f"{name}:{before.number}: a sentence goes over the line"
            if NEXT_SENTENCE.search(here.text):
                yield f"{name}:{here.number}: two sentences on one line"
            if (words := words_of(here.text)) > MOST_WORDS:
                yield f"{name}:{here.number}: {words} words, at most {MOST_WORDS}"
        before = here


@pytest.mark.parametrize("name", PAGES)
def test_prose_is_short(name: str) -> None:
    assert list(faults_of((ROOT / name).read_text(encoding="utf-8"), name)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One thing. Another thing.\n", "a.md:1: two sentences on one line"),
        ("See `x`. [Here](y.md) it is.\n", "a.md:1: two sentences on one line"),
        ("- It is **so**. It is not.\n", "a.md:1: two sentences on one line"),
        ("One thing and\nanother.\n", "a.md:1: a sentence goes over the line"),
        ("- one\n- a thing\n  of two lines\n", "a.md:2: a sentence goes over the line"),
        (f"{'word ' * 26}end.\n", "a.md:1: 27 words, at most 25"),
        (f"See {'<https://example.org/x' + 'x' * 150}>.\n", "a.md:1: 178 characters, at most 160"),
    ],
)
def test_long_prose_is_named(text: str, said: str) -> None:
    assert list(faults_of(text, "a.md")) == [said]


@pytest.mark.parametrize(
    "text",
    [
        "One thing.\nAnother thing.\n",
        "- one\n- two\n\n1. First.\n2. Second.\n",
        "Things, e.g. Debian and PEP 723:\n\n- `a. B` is code.\n",
        "```text\nOne. Two. " + "x " * 200 + "\n```\n",
        "| a | b. C |\n| --- | --- |\n| " + "x " * 200 + " | y |\n",
        f"See [a page](https://example.org/{'x' * 30}) of {'many ' * 18}.\n",
        "# A heading. Two\n\n!!! note\n\n    A box.\n",
    ],
)
def test_what_is_no_prose_is_left_alone(text: str) -> None:
    assert list(faults_of(text, "a.md")) == []
