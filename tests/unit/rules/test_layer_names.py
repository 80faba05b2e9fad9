"""What would share a name has a number."""

from __future__ import annotations

from onedigest.rules.layer_names import free_name


def test_name_that_is_taken_has_the_first_free_number() -> None:
    assert [free_name("a", ()), free_name("a", ("a",)), free_name("a", ("a", "a-2", "a-4"))] == ["a", "a-2", "a-3"]
