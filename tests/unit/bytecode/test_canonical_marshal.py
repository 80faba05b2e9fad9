"""The canonical form of marshal: one encoding for equal values, none for values of other types, and no crash."""

from __future__ import annotations

import marshal
import re
from types import CodeType
from typing import Any

import pytest

from onedigest.bytecode.canonical_marshal import DEEPEST, canonical


def of(value: Any) -> bytes:
    return canonical(marshal.dumps(value))


def code_of(source: str) -> CodeType:
    return compile(source, "/a.py", "exec", dont_inherit=True)


def test_bytes_depend_on_values_alone() -> None:
    shared = "a b"
    twice = (shared, shared, 1000000, (shared, 1.5), (shared, 1.5))
    apart = tuple(marshal.loads(marshal.dumps(each, 1)) for each in twice)

    assert marshal.dumps(twice) != marshal.dumps(apart)
    assert of(twice) == of(apart)


def test_first_of_equal_values_is_flagged_and_the_others_are_references() -> None:
    assert of(("a b", "c", "a b", None, None)) == b")\5\xfa\3a bZ\1cr\0\0\0\0NN"
    assert of(((1.5,), (1.5,))) == b")\2\xa9\1g\0\0\0\0\0\0\xf8?r\0\0\0\0"


def test_what_is_in_a_repeated_value_does_not_count_again() -> None:
    assert of((("a", "b"), ("a", "b"))) == b")\2\xa9\2Z\1aZ\1br\0\0\0\0"


def test_equal_values_of_other_types_stay_apart() -> None:
    value = (1, 1.0, True, 1 + 0j, 0.0, -0.0, 0j, -0j, "a", b"a", (1,), (1.0,), (True,), ((0.0,),), ((-0.0,),), ())

    assert repr(marshal.loads(of(value))) == repr(value)
    assert b"r" not in of((1, 1.0, True, 0.0, -0.0))


def test_texts_that_cpython_shares_are_interned() -> None:
    assert of("a_1") == b"Z\3a_1"
    assert of("<module>") == b"z\x08<module>"
    assert of("") == b"z\0"
    assert of("a" * 300) == b"A\x2c\1\0\0" + b"a" * 300
    assert of("é") == b"u\2\0\0\0\xc3\xa9"
    assert of("\ud800") == b"u\3\0\0\0\xed\xa0\x80"


@pytest.mark.parametrize(
    "form", [b"z\1a", b"Z\1a", b"\xfa\1a", b"a\1\0\0\0a", b"A\1\0\0\0a", b"u\1\0\0\0a", b"\xf4\1\0\0\0a"]
)
def test_a_text_has_one_form(form: bytes) -> None:
    assert canonical(form) == b"Z\1a"


def test_a_text_of_one_byte_each_is_latin() -> None:
    assert canonical(b"z\1\xe9") == canonical(b"a\1\0\0\0\xe9") == of("é")


def test_sets_are_sorted_by_their_items_alone() -> None:
    items = [("x", 1.5), "x", b"x", None, 1, -1, 2**40, frozenset(["a", "b"]), frozenset(), ("x", ("x", 1.5)), 1.5, ...]
    forward, backward = (of((frozenset(some), "y", ("x", 1.5))) for some in (items, items[::-1]))

    assert forward == backward
    assert marshal.loads(forward) == (frozenset(items), "y", ("x", 1.5))


def test_a_value_in_a_set_is_written_where_it_is_first_after_sorting() -> None:
    stream = b">\2\0\0\0" + b"\xa9\2Z\1zN" + b")\2Z\1ar\0\0\0\0"  # the second, which comes first, has the first

    assert canonical(stream) == b">\2\0\0\0" + b")\2Z\1a\xa9\2Z\1zN" + b"r\0\0\0\0"
    assert marshal.loads(canonical(stream)) == marshal.loads(stream)


def test_what_is_no_number_has_one_form() -> None:
    nan = b"\0\0\0\0\0\0\xf8\x7f"

    assert canonical(b"g\0\0\0\0\0\0\xf8\xff") == b"g" + nan
    assert canonical(b"y\1\0\0\0\0\0\xf0\x7f" + b"\0\0\0\0\0\0\xf0\xff") == b"y" + nan + b"\0\0\0\0\0\0\xf0\xff"
    assert of(float("-inf")) == b"g\0\0\0\0\0\0\xf0\xff"


def test_slices_are_values() -> None:
    one = b":i\1\0\0\0NN"

    assert canonical(b")\2" + one + one) == b")\2\xbai\1\0\0\0NNr\0\0\0\0"


def test_code_is_what_it_was() -> None:
    code = code_of(
        "def f(a, /, *, b=(1, 'x y')):\n  def g(): return a, {1, 'x'} | b\n  return g, 1.5\nclass é: x = 'x y'\n"
    )
    read = marshal.loads(of(code))

    assert read == code
    assert [read.co_filename, list(read.co_positions())] == [code.co_filename, list(code.co_positions())]
    assert of(read) == of(code)
    assert all(name is kept for name, kept in zip(code.co_names, read.co_names, strict=True))


def test_code_is_never_one_with_equal_code() -> None:
    lambdas = code_of("a = lambda: 0, 0\na = lambda: 0, 0").co_consts
    one = marshal.loads(marshal.dumps(next(each for each in lambdas if isinstance(each, CodeType))))
    first, second = marshal.loads(of((one, marshal.loads(marshal.dumps(one)))))

    assert first == second
    assert first is not second
    first, second = marshal.loads(of((one, one)))
    assert first is second


def test_long_and_empty_tuples() -> None:
    for size in (0, 1, 255, 256, 300):
        assert marshal.loads(of(tuple(range(size)))) == tuple(range(size))
    assert of(((), ())) == b")\2\xa9\0r\0\0\0\0"


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "the stream is cut off, or refers to what it does not hold"),
        (b"z\5abc", "the stream does not end with its value"),
        (b"s\5\0\0\0abc", "the stream is cut off, or refers to what it does not hold"),
        (b"s\xff\xff\xff\xffabc", "the stream is cut off, or refers to what it does not hold"),
        (b"l\0\0\0\x80", "the stream is cut off, or refers to what it does not hold"),
        (b"(\xff\xff\xff\x7fN", "the stream is cut off, or refers to what it does not hold"),
        (b"r\0\0\0\0", "the stream is cut off, or refers to what it does not hold"),
        (b"r\xff\xff\xff\xff", "the stream is cut off, or refers to what it does not hold"),
        (b"c" + b"\0" * 19, "the stream is cut off, or refers to what it does not hold"),
        (b"NN", "the stream does not end with its value"),
        (b"\xa9\1r\0\0\0\0", "a value holds itself"),
        (b"[\0\0\0\0", "bytecode has no values of type 0x5b"),
        (b"{0", "bytecode has no values of type 0x7b"),
        (b"\xce", "bytecode has no values of type 0xce"),
        (b"\0", "bytecode has no values of type 0x0"),
        (b"u\1\0\0\0\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b")\1" * DEEPEST + b")\0", "values are nested too deeply"),
        (b">\1\0\0\0" + marshal.dumps(code_of("")), "a set holds code"),
    ],
)
def test_what_is_no_bytecode_is_refused(stream: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        canonical(stream)


def test_deep_values_are_read() -> None:
    assert canonical(b")\1" * (DEEPEST - 1) + b")\0") == b")\1" * (DEEPEST - 1) + b")\0"
    with pytest.raises(ValueError, match=r"^the items of a set are nested too deeply$"):
        canonical(b">\2\0\0\0N" + b")\1" * (DEEPEST - 2) + b"N")


def test_values_that_double_are_written_once() -> None:
    stream = b")\2" * 60 + b"\xa9\0" + b"".join(b"r\0\0\0\0" for _ in range(60))

    assert len(canonical(stream)) < 1000
