"""Text of strangers is shown as it is, but for what deceives and what is secret."""

from __future__ import annotations

import json

import pytest

from onedigest import shown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alpha\x1b[31m", "alpha\\x1b[31m"),
        ("a\rb\x00\x7f\x9b", "a\\rb\\x00\\x7f\\x9b"),
        ("x\u202egnp.exe", "x\\u202egnp.exe"),
        ("a\u200bb\ufeff\U000e0041", "a\\u200bb\\ufeff\\U000e0041"),
        ("not UTF-8: \udcff, half of a pair: \ud800", "not UTF-8: \\xff, half of a pair: \\ud800"),
        ("two\nlines\twith a tab", "two\nlines\twith a tab"),
        ("two\n::error::lines", "two\n\\x3a:error::lines"),
        ("##[group]", "#\\x23[group]"),
        ("std::vec and a ## heading", "std::vec and a ## heading"),
        ("größe 日本語 Ω é", "größe 日本語 Ω é"),
        ("👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈", "👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("a\u200db", "a\\u200db"),
        (r"C:\new \d+", r"C:\new \d+"),
    ],
)
def test_what_deceives_is_escaped(text: str, shown: str) -> None:
    assert shown_text.escaped(text) == shown


def test_one_line_has_no_breaks_and_tabs() -> None:
    assert shown_text.one_line("two\nlines\twith a tab\u2028") == "two\\nlines\\twith a tab\\u2028"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:password@h/x", "https://****@h/x"),
        ("https://token@h/x", "https://****@h/x"),
        ("https://user:p@ss@h/x", "https://****@h/x"),
        ("`https://user:p/w@h/x`", "`https://****@h/x`"),
        ("https://user:p w#?@h/x", "https://****@h/x"),
        ("user:password@ghcr.io/x:1", "****@ghcr.io/x:1"),
        ("https://h/x?a=1&token=abc&b=2", "https://h/x?a=1&token=****&b=2"),
        ("https://h/x?X-Amz-Signature=abc", "https://h/x?X-Amz-Signature=****"),
        ("https://h/x?sig=a%2Fb#f", "https://h/x?sig=****#f"),
        ("Authorization: Basic dXNlcjpw", "Authorization: Basic ****"),
        ("denied for Basic dXNlcjpwYXNzd29yZA==", "denied for Basic ****"),
        ("Basic authentication of a realm", "Basic authentication of a realm"),
        ("https:/user:password@h/x is no file", "https:/****@h/x is no file"),
        ("`https:--user:password@h-x`", "`https:--****@h-x`"),
        ("https:/h/a:b@c", "https:/h/a:b@c"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("ssh://git@u:password@h/x", "ssh://****@h/x"),
        ("http://h:8080/a@b", "http://h:8080/a@b"),
        ("name:tag@sha256:00", "name:tag@sha256:00"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert shown_text.masked(text) == shown
    assert shown_text.masked(shown) == shown


@pytest.mark.parametrize(
    "text", ["://" * 100_000, "a:" * 100_000, "?key" * 100_000, "a" * 300_000, "https://" + "a:@" * 100_000]
)
def test_a_long_text_is_masked_in_time(text: str) -> None:
    """A budget that quadratic work exceeds by far."""
    import time

    started = time.process_time()
    shown_text.safe(text)

    assert time.process_time() - started < 5


def test_json_has_no_command_of_a_runner() -> None:
    value = {"###[add-path]": "x ##vso[task.setvariable variable=x]y", "a": "## b [c] \\##[d]"}
    document = shown_text.json_document(value)

    assert json.loads(document) == value
    assert "##[" not in document
    assert "##vso[" not in document
    assert "## b [c]" in document


def test_json_says_the_same_in_ascii() -> None:
    value = {"größe\x9b": ["\u202e", "👩\u200d👧", 1, None, {"a": True}]}
    document = shown_text.json_document(value)

    assert json.loads(document) == value
    assert json.loads(shown_text.ascii_json(document)) == value
    assert shown_text.ascii_json(document).isascii()
    assert "größe\\u009b" in document


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alpha", "alpha"),
        ("my_pkg 1.0+cpu (2 kB)", "my_pkg 1.0+cpu (2 kB)"),
        ("linux/amd64: 2 of 3 layers equal", "linux/amd64: 2 of 3 layers equal"),
        ("1:2.3-4", "1:2.3-4"),
        ("", ""),
        ("1.0~rc", "`1.0~rc`"),
        ("_x_", "`_x_`"),
        ("debian:bookworm", "debian:bookworm"),
        (":ok:", "`:ok:`"),
        ("x :white_check_mark:", "`x :white_check_mark:`"),
        ("@team", "`@team`"),
        ("a|b", "`a\\|b`"),
        ("a\\|b", "`a\\x7cb`"),
        ("`a` ``b``", "``` `a` ``b`` ```"),
        ("http://h", "`http://h`"),
        ("größe", "`größe`"),
    ],
)
def test_markdown_is_quoted_where_it_may_mean_something(text: str, shown: str) -> None:
    assert shown_text.markdown(text) == shown
