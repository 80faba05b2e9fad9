"""PEP 723 blocks: what is read, what is refused, and where messages point."""

from __future__ import annotations

import pytest

from onedigest.errors import InputError
from onedigest.script import canonical_text, key_lines, parse

BLOCK = """\
#!/usr/bin/env python
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "polars>=1.30",
# ]
#
# [tool.onedigest]
# base = "debian"
# ///
print("hello")
"""


def message(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse(text.encode(), "app.py")
    return str(caught.value)


def test_block_is_read() -> None:
    script = parse(BLOCK.encode(), "app.py")

    assert script.requires_python == ">=3.11"
    assert script.dependencies == ("polars>=1.30",)
    assert script.onedigest == {"base": "debian"}
    assert script.where("tool.onedigest.base") == "app.py:9"
    assert script.where("tool.onedigest.other") == "app.py:8"
    assert script.where_text("polars", "dependencies") == "app.py:5"


@pytest.mark.parametrize("data", [BLOCK.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + BLOCK.encode()])
def test_line_ends_and_byte_order_mark_do_not_matter(data: bytes) -> None:
    assert parse(data, "app.py") == parse(BLOCK.encode(), "app.py")
    assert canonical_text(data, "app.py") == BLOCK


def test_other_blocks_are_left_alone() -> None:
    assert parse(f"# /// other\n# x = 1\n# ///\n\n{BLOCK}".encode(), "app.py").requires_python == ">=3.11"


def test_no_block() -> None:
    assert message("print(1)\n") == (
        "app.py:1: no PEP 723 `script` block\n"
        "hint: start the file with\n"
        "  # /// script\n"
        '  # requires-python = ">=3.11"\n'
        "  # dependencies = []\n"
        "  # ///"
    )


def test_two_blocks() -> None:
    assert message(f"{BLOCK}\n{BLOCK}") == (
        "app.py:14: a second `script` block (the first is in line 2)\nhint: keep one of the two blocks"
    )


@pytest.mark.parametrize(
    "text", ["# /// script\n# x = 1\nprint()\n", "# /// script\n#x = 1\n# ///\n", "# /// script\n"]
)
def test_unclosed_block(text: str) -> None:
    assert message(text) == (
        "app.py:1: the `script` block is not closed\n"
        "hint: end it with a line `# ///`, and begin each line between with `#` and a space"
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["dependencies = ["], "app.py:2: not valid TOML: invalid value"),
        (["a = 1", "a = 2"], "app.py:3: not valid TOML: cannot overwrite a value"),
        (["requires-python = 3"], "app.py:2: `requires-python` is not a string"),
        (["dependencies = [1]"], "app.py:2: `dependencies` is not a list of strings"),
        (["tool = 1"], "app.py:2: `tool` is not a table"),
        (["[tool]", "onedigest = 1"], "app.py:3: `tool.onedigest` is not a table"),
    ],
)
def test_bad_toml(lines: list[str], expected: str) -> None:
    assert message("# /// script\n" + "".join(f"# {line}\n" for line in lines) + "# ///\n") == expected


def test_empty_block() -> None:
    assert message("# /// script\n# ///\nprint()\n") == (
        "app.py:1: the `script` block is empty\nhint: write at least `# dependencies = []` in it"
    )


def test_all_problems_are_told_at_once() -> None:
    text = '# /// script\n# requires-python = 3\n# dependencies = "polars"\n# ///\n'

    assert message(text) == (
        "app.py:2: `requires-python` is not a string\napp.py:3: `dependencies` is not a list of strings"
    )


def test_not_utf8() -> None:
    with pytest.raises(InputError) as caught:
        parse(b"# ok\n# \xff\n", "app.py")

    assert str(caught.value) == "app.py:2: not UTF-8\nhint: save the script as UTF-8"


def test_unknown_top_level_key_is_a_warning() -> None:
    script = parse(b"# /// script\n# name = 'x'\n# ///\n", "app.py")

    assert list(map(str, script.warnings)) == ["app.py:2: unknown key `name` in the script block"]


def test_lines_of_dotted_and_quoted_keys() -> None:
    assert key_lines('a = 1\n[tool."x".y]\nb.c = 2 # note\n"d e" = 3\n', 10) == {
        "a": 10,
        "tool.x.y": 11,
        "tool.x.y.b.c": 12,
        "tool.x.y.d e": 13,
    }


def test_lines_of_keys_in_several_tables() -> None:
    assert key_lines('[tool.x]\na = 1\n[[tool.uv.index]]\nname = "a"\n[[tool.uv.index]] # b\nname = "b"\n', 3) == {
        "tool.x": 3,
        "tool.x.a": 4,
        "tool.uv.index": 5,
        "tool.uv.index.name": 6,
    }
