"""The numbers of formats: none stays when the bytes that it stands for move."""

from __future__ import annotations

import copy

import pytest

import format_numbers
from golden import unstamped
from onedigest import formats
from onedigest.rules import nix


def test_numbers_stand_for_the_bytes_of_today() -> None:
    """`make golden` writes tests/formats.json anew, and refuses to where a release has the number."""
    now, stated = format_numbers.found(), format_numbers.stated()

    moved = [
        f"{name}: {stated.get(name)} is stated, {row} is found" for name, row in now.items() if stated.get(name) != row
    ]
    assert not moved, "run `make golden`, and raise the number in formats.py if a release has it\n" + "\n".join(moved)
    assert stated.keys() == now.keys()


def test_numbers_of_a_release_stand_for_the_same_bytes() -> None:
    tag, before = format_numbers.released()

    assert format_numbers.problems(format_numbers.found(), before, tag) == []


def test_bytes_that_move_without_their_number_are_told() -> None:
    now = format_numbers.found()
    before = copy.deepcopy(now)
    before["rules"]["digest"] = f"sha256:{'0' * 64}"
    assert format_numbers.problems(now, before, "v1.0") == [
        f"what `formats.RULES = {formats.RULES}` stands for is other bytes than in v1.0: raise the number"
    ]
    before["rules"]["number"] -= 1
    assert format_numbers.problems(now, before, "v1.0") == []


def test_rendering_that_moves_moves_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = format_numbers.found()["rules"]
    monkeypatch.setattr(nix, "render_nix", lambda *given: "# otherwise\n")

    assert format_numbers.found()["rules"] != before


def test_assembler_moves_no_number() -> None:
    """Which assembler rules name says nothing about how they are rendered."""
    text = f"COPY assemble-{'0' * 12}.pyz and sha256:{'0' * 64}"
    assert (
        unstamped(text.replace(f"sha256:{'0' * 64}", formats.ASSEMBLER)) == "COPY assemble-….pyz and sha256:(assembler)"
    )
