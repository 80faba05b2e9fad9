"""Patterns of what a build may see name no file that they need not, in two languages."""

from __future__ import annotations

import re

import pytest

from onedigest.assembler.selection import Selection
from onedigest.rules.context import context_patterns
from onedigest.rules.path_regex import path_regex

MARKED = ("oci-layout", "onedigest.nix", ".gitignore")


def included(selection: Selection, locks: str = "") -> list[str]:
    lines = [each.line for each in context_patterns(selection, locks)]
    return [line[1:] for line in lines if line.startswith("!") and not line.endswith(MARKED)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(script="a.py"), ["a.py"]),
        (Selection(folder="jobs", script="a.py"), ["jobs/a.py"]),
        (Selection(folder="jobs", files=("data/*.csv",)), ["jobs/data/*.csv"]),
        (Selection(folder="jobs", files=("./data//**/x",)), ["jobs/data/**/x"]),
        (Selection(files=("**",)), ["**"]),
        (Selection(folder="#a", files=("[!a-c]*",)), ["\\#a/[^/a-c]*"]),
        (Selection(files=("[z-a]",)), []),
        (Selection(files=("a[", "b]*", "x^?")), ["a\\[", "b\\]*", "x\\^?"]),
        (Selection(files=("#*", "!*", " *", "* ")), ["\\#*", "\\!*", "[ ]*", "*[ ]"]),
        (
            Selection(files=("a|b", "c{2}/*", "d+(e)$/x?", "[+|]*")),
            ["a|b", "c\\{2\\}/*", "d\\+\\(e\\)\\$/x?", "[\\+\\|]*"],
        ),
        (Selection(script="#{2}|.py"), ["\\#\\{2\\}\\|.py"]),
        (Selection(copies=(("lib", "lib"),)), ["lib"]),
        (Selection(folder="jobs", copies=((".", ".."),)), ["*"]),
        (Selection(folder="jobs", copies=(("x", "../../elsewhere"),)), []),
        (Selection(copies=(("x", "[a]/#b"),)), ["\\[a\\]/#b"]),
        (Selection(files=(".env", "data"), reached=(".env", "data/a.csv")), ["data", ".env"]),
        (Selection(copies=(("x", "a.txt"),), reached=("a.txt",)), ["a.txt"]),
        (Selection(copies=(("x", "now"),), reached=("now", "data/a.csv")), ["data/a.csv", "now"]),
        (Selection(copies=(("x", "now"),), reached=("now", "data/a.csv"), linked=(("now", "data"),)), ["data", "now"]),
        (Selection(copies=(("lib", "lib"),), reached=("lib/a.py", "lib/.env.example")), ["lib", "lib/.env.example"]),
        (Selection(script="a.py", ignore_file=".dockerignore"), [".dockerignore", "a.py"]),
    ],
)
def test_what_is_read_is_named(selection: Selection, expected: list[str]) -> None:
    assert included(selection, "lockfiles") == expected


def test_what_is_never_sent_follows_what_could_bring_it() -> None:
    lines = [each.line for each in context_patterns(Selection(copies=(("lib", "lib"),)), "lockfiles")]

    assert lines[0] == "!lib"
    assert {"**/__pycache__", "**/*.pyc", "**/.inputs", "lockfiles", "**/.[gG][iI][tT]", "**/*.[kK][eE][yY]"} < set(
        lines
    )
    assert [each.line for each in context_patterns(Selection(script="a.py"), "lockfiles")] == ["!a.py"]


def test_marks_of_layouts_and_locks_are_sent_where_a_pattern_could_enter_them() -> None:
    lines = [each.line for each in context_patterns(Selection(files=("data/*/x.csv",)))]

    assert lines[:4] == ["!data/*/x.csv", *(f"!data/*/{mark}" for mark in MARKED)]


@pytest.mark.parametrize(
    ("rules", "source", "expected"),
    [
        ([(False, "**/*.log")], "lib", ["!lib", "lib/**/*.log"]),
        ([(False, "lib/x"), (False, "other/y")], "lib", ["!lib", "lib/x"]),
        ([(False, "*"), (True, "lib/keep.md")], "lib", ["!lib", "lib", "!lib/keep.md"]),
        ([(True, "*/keep.md"), (True, "src")], "lib", ["!lib", "!lib/keep.md"]),
        ([(False, "lib/**/z")], "lib/a", ["!lib/a", "lib/a/**/z"]),
        ([(False, "a**b")], "lib", ["!lib"]),
        ([(True, "a**b")], "lib", ["!lib", "!lib"]),
        ([(False, "docs")], "", ["!*", "docs"]),
    ],
)
def test_rules_of_an_ignore_file_are_about_what_is_copied(
    rules: list[tuple[bool, str]], source: str, expected: list[str]
) -> None:
    selection = Selection(copies=(("x", source or "."),), ignore_file=".dockerignore", ignored=tuple(rules))
    lines = [each.line for each in context_patterns(selection)]

    assert [
        line for line in lines[: lines.index("**/__pycache__")] if not line.endswith((*MARKED, "pyvenv.cfg"))
    ] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.b+c", r"a\.b\+c(/.*)?"),
        ("**/x/*.y", r"(.*/)?x/[^/]*\.y(/.*)?"),
        ("lib/**", r"lib/.*(/.*)?"),
        ("[a-c\\]\\^\\-]?", r"[]a-c^-][^/](/.*)?"),
        ("[^/a]", r"[^/a](/.*)?"),
        ("\\[x\\]{}", r"\[x[]]\{[}](/.*)?"),
        ("[\\[]", r"(\[)(/.*)?"),
    ],
)
def test_regular_expressions_are_those_of_posix(pattern: str, expected: str) -> None:
    assert path_regex(pattern) == expected
    assert re.compile(expected).groups


@pytest.mark.parametrize(
    ("pattern", "more", "less"),
    [
        ("?", "[^/]{1,4}", "[^/]"),
        ("[^/a]", "[^/]{1,4}", "[^/a]"),
        ("[^/ö]", "[^/]{1,4}", "[^/\x01-\x7f]"),
        ("[aö]", "([a]|ö)", "([a]|ö)"),
        ("[à-ö]", "[^/]{1,4}", "[^/]{0}//"),
    ],
)
def test_where_bytes_are_read_no_file_is_missing(pattern: str, more: str, less: str) -> None:
    assert path_regex(pattern, bytewise="more") == f"{more}(/.*)?"
    assert path_regex(pattern, bytewise="less") == f"{less}(/.*)?"


def test_what_tells_an_environment_is_sent_although_it_is_ignored() -> None:
    selection = Selection(copies=(("x", "lib"),), ignore_file=".dockerignore", ignored=((False, "**/*.cfg"),))
    lines = [each.line for each in context_patterns(selection)]

    assert lines.index("!lib/**/pyvenv.cfg") > lines.index("lib/**/*.cfg")
