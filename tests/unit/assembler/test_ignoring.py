"""A .dockerignore is read as BuildKit reads it."""

from __future__ import annotations

import pytest

from onedigest.assembler.ignoring import IgnoreRules


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("", (), ("a", "a/b")),
        ("# a\n\n  \n!\n", (), ("a", "# a")),
        ("a", ("a", "a/b", "a/b/c"), ("b/a", "ab")),
        ("/a/", ("a", "a/b"), ("b/a",)),
        ("*.log", ("x.log",), ("a/x.log", "x.logs")),
        ("**/*.log", ("x.log", "a/x.log", "a/b/x.log"), ("x.txt",)),
        ("a/**", ("a/b", "a/b/c"), ("a", "b")),
        ("a/**/z", ("a/z", "a/b/z", "a/b/c/z/deeper"), ("z", "a/y")),
        ("?.p[yz]", ("a.py", "b.pz"), ("ab.py", "a.pa")),
        ("[^a]x", ("bx",), ("ax", "x")),
        ("[a-c]", ("a", "c"), ("d",)),
        ("a\\*b", ("a*b",), ("axb",)),
        ("*\n!keep\n", ("a", "b/c"), ("keep", "keep/x")),
        ("*\n!keep\nkeep/x\n", ("a", "keep/x"), ("keep/y",)),
        ("a.b", ("a.b",), ("axb",)),
        ("größe", ("größe/x",), ("grösse",)),
        ("./a/../b", ("b",), ("a",)),
    ],
)
def test_last_line_that_matches_decides(text: str, ignored: tuple[str, ...], kept: tuple[str, ...]) -> None:
    rules = IgnoreRules(text)

    assert [path for path in (*ignored, *kept) if rules.ignores(path)] == list(ignored)
