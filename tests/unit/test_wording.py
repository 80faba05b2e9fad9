"""Numbers, paths and tables as messages show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.wording import amount, ellipsis, plural, short_digest, shown, table


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"), (2_000_000_000, "2.0 GB"), (10**13, "10000.0 GB")],
)  # fmt: skip
def test_amounts_are_in_powers_of_ten(count: int, text: str) -> None:
    assert amount(count) == text


def test_columns_are_as_wide_as_their_widest_cell_and_end_without_blanks() -> None:
    assert table(("name", "size"), [("a", "1000"), ("longer", "7")], frozenset([1])) == [
        "name    size",
        "a       1000",
        "longer     7",
    ]
    assert table(("a", "b"), [("x\ny", "")])[1].count("\n") == 0


def test_path_is_shown_from_a_folder_that_it_is_below(tmp_path: Path) -> None:
    assert shown(tmp_path / "a" / ".." / "b", tmp_path) == "b"
    assert shown(tmp_path, tmp_path / "a") == str(tmp_path)
    assert shown(Path("a\0b"), tmp_path) == "a\0b"


def test_words_are_short() -> None:
    assert [plural(1, "layer"), plural(0, "layer")] == ["1 layer", "0 layers"]
    assert [short_digest("sha256:" + "a" * 64), short_digest("x")] == ["a" * 12, "x"]
    assert [ellipsis("abcdef", 6), ellipsis("abcdefg", 6)] == ["abcdef", "abc..."]
