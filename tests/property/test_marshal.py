"""Laws of the canonical marshal: equal values have one form, other values another, and Python reads what was written."""

from __future__ import annotations

import marshal
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from onedigest.bytecode.canonical_marshal import canonical

TEXTS = st.text(st.characters(), max_size=5) | st.sampled_from(["a", "a_1", "<x>", "\ud800", "é", "x" * 256])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**33), 2**33)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | TEXTS
    | st.binary(max_size=5)
    | st.just(...)
)
CONSTANTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4), max_leaves=25
)


def copied(value: Any) -> Any:
    """Return an equal value of which no part is shared, and whose sets were filled in another order."""
    if isinstance(value, tuple):
        return tuple([copied(each) for each in value])
    if isinstance(value, frozenset):
        items = [copied(each) for each in value]
        random.Random(1).shuffle(items)
        return frozenset(items)
    return marshal.loads(marshal.dumps(value, 2))


def typed(value: Any) -> Any:
    """Return what is equal for values that a program cannot tell apart, and for no others."""
    if isinstance(value, tuple):
        return ("tuple", *map(typed, value))
    return frozenset(map(typed, value)) if isinstance(value, frozenset) else (type(value), repr(value))


@settings(deadline=None, max_examples=60)
@given(CONSTANTS)
def test_python_reads_the_value_that_was_written(value: Any) -> None:
    assert typed(marshal.loads(canonical(marshal.dumps(value)))) == typed(value)


@settings(deadline=None, max_examples=60)
@given(CONSTANTS)
def test_equal_values_have_one_form(value: Any) -> None:
    pair = (value, value, 0)
    forms = {canonical(marshal.dumps(each, version)) for each in (pair, copied(pair)) for version in (2, 3, 4)}

    assert len(forms) == 1
    assert forms == {canonical(form) for form in forms}


@settings(deadline=None, max_examples=60)
@given(CONSTANTS, CONSTANTS)
def test_other_values_have_other_forms(one: Any, other: Any) -> None:
    assert (canonical(marshal.dumps(one)) == canonical(marshal.dumps(other))) == (typed(one) == typed(other))
