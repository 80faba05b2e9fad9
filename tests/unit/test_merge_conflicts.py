"""Conflict markers of merges, in all the forms that git gives them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from onedigest import merge_conflicts

PLAIN = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n"
BASE = "a\n<<<<<<< HEAD\nb\n||||||| 1234567\nx\n=======\nc\n>>>>>>> other\nd\n"
NESTED = (
    "a\n<<<<<<< HEAD\nb\n||||||| merged\n<<<<<<<<< one\nx\n=========\ny\n>>>>>>>>> two\n=======\nc\n>>>>>>> other\nd\n"
)
LONG = PLAIN.replace("<<<<<<<", "<" * 32).replace("=======", "=" * 32).replace(">>>>>>>", ">" * 32)
BARE = "a\n<<<<<<<\nb\n=======\nc\n>>>>>>>\nd\n"


@pytest.mark.parametrize("text", [PLAIN, BASE, NESTED, LONG, BARE, PLAIN.replace("\n", "\r\n")])
def test_both_sides_are_found(text: str) -> None:
    assert merge_conflicts.first_line(text) == 2
    assert merge_conflicts.ours(text).replace("\r", "") == "a\nb\nd\n"
    assert merge_conflicts.theirs(text).replace("\r", "") == "a\nc\nd\n"


def test_line_is_that_of_the_first_conflict() -> None:
    assert merge_conflicts.first_line("\n\n" + PLAIN + PLAIN) == 4
    assert [str(each) for each in merge_conflicts.problems("\n" + PLAIN, "x.toml")] == [
        "x.toml:3: has conflict markers of a merge\n"
        "hint: keep what is right of both sides, and remove the lines with the markers"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Title\n=======\n",
        "<<<<<<< HEAD\n",
        "<<<<<<< HEAD\na\n=======\n",
        "  <<<<<<< HEAD\n  =======\n  >>>>>>> other\n",
        "<<<<<<<HEAD\n=======\n>>>>>>> other\n",
        ">>>>>>> other\n=======\n<<<<<<< HEAD\n",
    ],
)
def test_what_is_no_whole_conflict(text: str) -> None:
    assert merge_conflicts.first_line(text) == 0
    assert merge_conflicts.problems(text, "x") == []


def test_text_that_is_cut_off_in_a_conflict_has_what_is_left_of_a_side() -> None:
    assert merge_conflicts.ours("a\n<<<<<<< HEAD\nb\n") == "a\nb\n"
    assert merge_conflicts.theirs("a\n<<<<<<< HEAD\nb\n=======\nc") == "a\nc"


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_git_s_own_conflict(style: str, tmp_path: Path) -> None:
    for name, text in (("ours", "a\nb\nd\n"), ("base", "a\nx\nd\n"), ("theirs", "a\nc\nd\n")):
        (tmp_path / name).write_text(text)
    options = [] if style == "merge" else [f"--{style}"]
    command = ["git", "merge-file", "-p", *options, "ours", "base", "theirs"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert (merge_conflicts.ours(text), merge_conflicts.theirs(text)) == ("a\nb\nd\n", "a\nc\nd\n")
