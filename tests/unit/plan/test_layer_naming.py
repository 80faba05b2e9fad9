"""Names of layers are plain, short, and tell the first of what is in them."""

from __future__ import annotations

from onedigest.plan.layer_naming import listed, native, plain, several
from onedigest.platforms import ARM64


def test_names_are_plain_and_short() -> None:
    assert plain("-a b/c:d+é.") == "a-b-c-d"
    assert plain("x" * 200) == "x" * 100
    assert native("numpy 2.0", ARM64) == "numpy-2.0-arm64"


def test_first_three_of_several_are_named() -> None:
    assert [several(["a"]), several(["a", "b", "c"]), several(list("abcde"))] == ["a", "a-b-c", "a-b-c-and-2-more"]
    assert [listed(["a"]), listed(list("abcd"))] == ["a", "a, b, c and 1 more"]
