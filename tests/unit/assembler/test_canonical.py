"""One form of JSON and of a script's text, whatever wrote them."""

from __future__ import annotations

import pytest

from onedigest.assembler.canonical import canonical_json, canonical_text


def test_json_has_one_form() -> None:
    assert canonical_json({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_no_json_holds_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates"):
        canonical_json(value)


def test_editors_do_not_change_a_text() -> None:
    assert canonical_text(b"\xef\xbb\xbfa\r\nb\rc\n") == "a\nb\rc\n"
    with pytest.raises(UnicodeDecodeError):
        canonical_text(b"\xff")
