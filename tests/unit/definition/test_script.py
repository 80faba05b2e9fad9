"""PEP 723 blocks: what is read, what is refused, and where messages point."""

from __future__ import annotations

import pytest

from onedigest.definition.script import canonical_text, key_lines, parse
from onedigest.errors import InputError

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
    "text", ["# /// script\n# x = 1\nprint()\n", "# /// script\n#x = 1\n", "# /// script\n", "# /// script\n" * 9]
)
def test_unclosed_block(text: str) -> None:
    assert message(text) == (
        "app.py:1: the `script` block is not closed\n"
        "hint: end it with a line `# ///`, and begin each line between with `#` and a space"
    )


@pytest.mark.parametrize(
    "line",
    [
        *("# /// script ", "# /// script\t", "#/// script", "# /// Script", "#  /// script", "## /// script"),
        *("# ///script", "  # /// script", "#\t/// script", "# //// script"),
    ],
)
def test_line_that_is_meant_to_begin_a_block(line: str) -> None:
    assert message(f"#!/bin/python\n{line}\n# x = 1\n# ///\n") == (
        f"app.py:2: {line!r} does not begin a `script` block (PEP 723)\n"
        "hint: write `# /// script`, with nothing before or after it"
    )


@pytest.mark.parametrize("line", ["# /// ", "# ///\t", "#///", "# ////", "#  ///", "## ///", " # ///", "# /// end"])
def test_line_that_is_meant_to_end_a_block(line: str) -> None:
    assert message(f"\n# /// script\n# x = 1\n{line}\nprint()\n") == (
        f"app.py:4: {line!r} does not end the `script` block of line 2\n"
        "hint: write `# ///`, with nothing before or after it"
    )


@pytest.mark.parametrize("line", ["", "#x = 1", "x = 1", " # x = 1"])
def test_line_that_breaks_a_block_off(line: str) -> None:
    assert message(f"# /// script\n# y = 1\n{line}\n# ///\n") == (
        "app.py:3: the `script` block of line 1 is broken off: this line does not begin with `#` and a space\n"
        "hint: write `# ` before it, or `#` where it is empty"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("==3.13", "==3.13.*"),
        ("== 3.12", "==3.12.*"),
        ("==3", "==3.*"),
        (">=3.11,==3.12", ">=3.11,==3.12.*"),
        ("==3.13 , <4", "==3.13.* , <4"),
    ],
)
def test_exact_python_without_its_last_number_is_any_of_its_series(written: str, read: str) -> None:
    script = parse(f'# /// script\n# dependencies = []\n# requires-python = "{written}"\n# ///\n'.encode(), "app.py")
    exact = read.replace(" ", "").removesuffix(",<4").removeprefix(">=3.11,")

    assert script.requires_python == read
    assert list(map(str, script.warnings)) == [
        f"app.py:3: `requires-python` has `{exact[:-2]}`, which is read as `{exact}`\n"
        f'hint: write `requires-python = "{read}"`'
    ]


@pytest.mark.parametrize("written", ["==3.13.0", "==3.13.*", ">=3.13", "!=3.13", "===3.13", "~=3.13", "<=3.13", ""])
def test_other_specifiers_of_python_are_read_as_they_are(written: str) -> None:
    script = parse(f'# /// script\n# requires-python = "{written}"\n# ///\n'.encode(), "app.py")

    assert (script.requires_python, script.warnings) == (written, ())


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
    """As uv reads it; PEP 723 asks for a line between the two."""
    script = parse(b"\n# /// script\n# ///\nprint()\n", "app.py")

    assert (script.dependencies, script.requires_python) == ((), "")
    assert list(map(str, script.warnings)) == [
        "app.py:2: the `script` block is empty: uv reads it as one that asks for nothing, and PEP 723 as none\n"
        "hint: write `# dependencies = []` in it"
    ]
    assert parse(b"# /// script\n#\n# ///\n", "app.py").warnings == script.warnings[:0]


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
