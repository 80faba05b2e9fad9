"""Patterns name the files that `pathlib` finds by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onedigest.assembler.file_tree import Budget, check_pattern, match, walk
from onedigest.assembler.refusal import Unusable

NAMES = ("a", "b", "ab", ".a", "[a]")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of folders with files, and links to both, none of which leads outside."""
    root = tmp_path_factory.mktemp("tree")
    for first in NAMES:
        for second in NAMES[:3]:
            (root / first / second).mkdir(parents=True)
            (root / first / second / "x.py").touch()
            (root / first / f"{second}.txt").touch()
    (root / "a" / "link.txt").symlink_to("b.txt")
    (root / "a" / "folder").symlink_to("../b")
    (root / "b" / "broken").symlink_to("nothing")
    return root


def files(paths: Iterator[Path]) -> set[Path]:
    """Return the files among paths and below those that are folders."""
    return {file for path in paths for file in ([path] if not path.is_dir() else path.rglob("*")) if file.is_file()}


PARTS = st.sampled_from(
    ["a", "b", "ab", ".a", "[a]", "*", "**", "?", "[ab]*", "*.txt", "x.py", "folder", "*b", ".", "", "[!a]"]
)


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_patterns_name_what_pathlib_finds(tree: Path, parts: list[str]) -> None:
    pattern = "/".join(parts).lstrip("/")
    try:
        check_pattern(pattern)
    except ValueError:
        return

    assert files(match(tree, pattern, Budget())) == files(tree.glob(pattern))


def test_a_walk_is_in_order_and_enters_what_it_may(tree: Path) -> None:
    found = [path.relative_to(tree).as_posix() for path in walk(tree / "a", Budget(), lambda path: path.name != "ab")]

    assert found == ["a/a/x.py", "a/a.txt", "a/ab.txt", "a/b/x.py", "a/b.txt", "a/folder", "a/link.txt"]


def test_what_is_looked_at_is_counted(tree: Path) -> None:
    with pytest.raises(Unusable, match="more than 3 files and folders are to be looked at"):
        list(walk(tree, Budget(3)))
