"""The block of the file that defines an image decides for it."""

from __future__ import annotations

from typing import Any

import pytest

from onedigest.definition.flyte.own_block import read_own_block, with_build

BLOCK = b"# /// script\n# dependencies = ['a']\n# [tool.onedigest]\n# build = ['b']\n# [tool.uv]\n# index = 1\n# ///\n"


def test_table_is_read_with_its_lines_and_nothing_else() -> None:
    assert read_own_block(BLOCK, "job.py") == ({"build": ["b"]}, {"tool.onedigest": 3, "tool.onedigest.build": 4})


def test_file_without_a_block_has_none() -> None:
    assert read_own_block(b"import flyte\n", "job.py") == ({}, {})


@pytest.mark.parametrize(
    ("own", "further", "expected"),
    [
        ({}, [[], None], {}),
        ({"user": "7"}, [["b"], ["a", "b"]], {"user": "7", "build": ["b", "a"]}),
        ({"build": ["c"]}, [["a"]], {"build": ["c", "a"]}),
        ({"build": "c"}, [["a"]], {"build": "c"}),
        ({"build": ["c"]}, [{"a": 1}], {"build": {"a": 1}}),
    ],
)
def test_lists_of_what_is_built_are_joined(own: dict[str, Any], further: list[Any], expected: dict[str, Any]) -> None:
    assert with_build(own, further) == expected
