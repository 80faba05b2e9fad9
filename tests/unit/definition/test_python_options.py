"""What Python is started with, and by which options."""

from __future__ import annotations

import pytest

from onedigest.definition.python_options import read_options


@pytest.mark.parametrize(
    ("words", "options", "script"),
    [
        (["app.py", "-v"], "", "app.py"),
        (["-u", "-X", "dev", "-B", "app.py"], "uXB", "app.py"),
        (["-Xdev", "-Wignore", "app.py"], "XW", "app.py"),
        (["-uX", "dev", "app.py"], "uX", "app.py"),
        (["--check-hash-based-pycs", "always", "app.py"], "", "app.py"),
        (["-B", "--", "-odd.py"], "B", "-odd.py"),
        (["-m", "app"], "", ""),
        (["-Im", "app"], "I", ""),
        (["-c", "print()"], "", ""),
        (["-"], "", ""),
        (["-X"], "X", ""),
        ([""], "", ""),
        ([], "", ""),
    ],
)
def test_options_end_where_the_program_is_named(words: list[str], options: str, script: str) -> None:
    found = read_options(words)

    assert ("".join(letter for letter, _ in found.options), found.script) == (options, script)


def test_option_has_its_value_behind_it_or_next_to_it() -> None:
    assert read_options(["-Xa=1", "-X", "b"]).options == (("X", "a=1"), ("X", "b"))
