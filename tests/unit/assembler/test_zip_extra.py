"""Extra fields of a zip header that say otherwise than the header are refused."""

from __future__ import annotations

import struct

import pytest

from onedigest.assembler.refusal import Refused
from onedigest.assembler.zip_extra import widened

FULL = 0xFFFFFFFF


def field(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def test_full_fields_are_replaced_in_their_order() -> None:
    extra = field(0x5455, b"time") + field(1, struct.pack("<QQ", 1 << 40, 7))
    assert widened("x", extra, [(FULL, 4), (3, 4), (FULL, 4)]) == [1 << 40, 3, 7]


def test_field_that_repeats_the_header_is_no_contradiction() -> None:
    assert widened("x", field(1, struct.pack("<Q", 3)), [(3, 4)]) == [3]


@pytest.mark.parametrize(
    ("extra", "value", "message"),
    [
        (b"", FULL, "x: zip64 field missing [zip]"),
        (field(1, b"1234"), FULL, "x: zip64 field missing [zip]"),
        (field(1, bytes(8)) * 2, FULL, "x: two zip64 fields [zip]"),
        (field(1, bytes(16)), FULL, "x: its zip64 field has other sizes than the header asks for [zip]"),
        (field(1, bytes(8)), 3, "x: its zip64 field has other sizes than the header asks for [zip]"),
        (field(0x7075, b"name"), 3, "x: a second name in an extra field [name]"),
        (field(0x6C78, b""), 3, "x: other attributes in an extra field [zip]"),
        (field(1, bytes(8))[:-1], 3, "x: broken extra field [zip]"),
        (b"abc", 3, "x: broken extra field [zip]"),
    ],
)
def test_contradiction_is_refused(extra: bytes, value: int, message: str) -> None:
    with pytest.raises(Refused) as caught:
        widened("x", extra, [(value, 4)])
    assert str(caught.value) == message
