"""`$NAME` in values is filled in by the rules of a Dockerfile, and nothing else of a shell is."""

from __future__ import annotations

import re

import pytest

from onedigest.definition.expansion import DEEPEST, evaluate, is_plain, parse, substitute, text_of

KNOWN = {"A": "a", "EMPTY": "", "PATH": "/usr/bin:/bin"}


def filled(value: str) -> str:
    return evaluate(parse(value), KNOWN, set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/x:$PATH", "/x:/usr/bin:/bin"),
        ("${PATH}:/x", "/usr/bin:/bin:/x"),
        ("$A_", ""),
        ("${A}_", "a_"),
        (r"\$A and \${A}", "$A and ${A}"),
        (r"C:\x\\y", r"C:\x\\y"),
        ("${EMPTY:-x}${EMPTY-y}", "x"),
        ("${NONE:-x}${NONE-y}", "xy"),
        ("${A:-x}${A-x}", "aa"),
        ("${A:+x}${A+x}${EMPTY:+y}${EMPTY+z}${NONE+w}", "xxz"),
        ("${A:?gone}${EMPTY?gone}", "a"),
        ("${NONE:-${A:-b}c}", "ac"),
        ("${NONE:-a b}}", "a b}"),
        ("costs 5$", "costs 5$"),
        ("a $ b", "a $ b"),
        ("}", "}"),
        ("$NONE", ""),
    ],
)
def test_values(value: str, expected: str) -> None:
    assert filled(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("pa$$word", "has `$$`, which a Dockerfile leaves out"),
        ("$1", "has `$1`, which a Dockerfile leaves out"),
        ("${A%b}", "has `${A` with more than is filled in here; `${A:-word}` and its like are"),
        ("${A", "has `${A` with more than is filled in here; `${A:-word}` and its like are"),
        ("${A:-b", "has `${A` with more than is filled in here; `${A:-word}` and its like are"),
        ("${}", "has `${` without a name"),
        ("${NONE:?set it}", "needs `NONE`, which has no value: set it"),
        (r"${EMPTY:?set $A for 5\$}", "needs `EMPTY`, which has no value: set a for 5$"),
        ("${NONE:+${EMPTY:?set it}}", "needs `EMPTY`, which has no value: set it"),
        ("${EMPTY:?}", "needs `EMPTY`, which has no value"),
        ("${A:-" * 9 + "}" * 9, f"has references that are nested more than {DEEPEST} times"),
    ],
)
def test_what_is_not_filled_in(value: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        filled(value)


def test_variables_that_nothing_sets_are_told_where_their_value_counts() -> None:
    unset: set[str] = set()

    assert evaluate(parse("$B${C:-$D}${A:-$E}"), KNOWN, unset) == "a"
    assert unset == {"B", "D"}


def test_values_of_earlier_steps_are_put_in_and_what_is_left_stays_as_it_is() -> None:
    known = {"P": parse("/p:$PATH"), "ONE": parse("1"), "NONE": parse("")}
    found = substitute(parse(r"/x:$P ${ONE:+y$ONE} ${NONE:-z} ${HOME:-$ONE} \$A"), known)

    assert text_of(found) == r"/x:/p:${PATH} y1 z ${HOME:-1} \$A"
    assert not is_plain(found)
    with pytest.raises(ValueError, match="asks whether `H` is empty, which depends on the base"):
        substitute(parse("${H:-x}"), {"H": parse("$HOME")})


def test_values_that_double_again_and_again_are_refused() -> None:
    known = {"A": parse("x" * 1000 + "$B")}
    with pytest.raises(ValueError, match="becomes longer than 65536 characters"):
        substitute(parse("$A" * 100), known)
    with pytest.raises(ValueError, match="becomes longer than 65536 characters"):
        evaluate(parse("$A" * 100), {"A": "x" * 1000}, set())


@pytest.mark.parametrize("value", ["$A", "${A}", r"\$A", "${A:-b${C}}", "x$A-y"])
def test_written_form_is_read_as_the_same(value: str) -> None:
    assert parse(text_of(parse(value))) == parse(value)
