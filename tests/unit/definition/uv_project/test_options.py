"""Options of `uv sync`: what they choose, and what is none of them."""

from __future__ import annotations

import pytest

from onedigest.definition.uv_project.options import SyncOptions, read_options


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", SyncOptions()),
        ("--extra A_b --extra=c", SyncOptions(extras={"a-b", "c"})),
        ("--no-dev --all-extras", SyncOptions(no_groups={"dev"}, all_extras=True)),
        ("--only-dev --only-group x", SyncOptions(only_groups={"dev", "x"})),
        ("--link-mode copy --locked --reinstall-package=x", SyncOptions()),
        ("--quick x", SyncOptions(others=["--quick", "x"])),
        ("--frozen=1", SyncOptions(others=["--frozen=1"])),
    ],
)
def test_words_say_what_is_chosen(words: str, expected: SyncOptions) -> None:
    assert read_options(words.split()) == expected


@pytest.mark.parametrize("words", ["--extra", "--extra=", "--extra --frozen"])
def test_option_without_its_name_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"^`--extra` lacks a name$"):
        read_options(words.split())
