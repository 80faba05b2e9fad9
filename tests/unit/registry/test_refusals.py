"""What is said of a registry that refuses: why, for how long, and what helps."""

from __future__ import annotations

import pytest

from onedigest.registry.authorization import RegistryAnswer
from onedigest.registry.refusals import Refusing, duration, is_put_off

ANONYMOUS = Refusing(registry="ghcr.io", shown_from="", hidden_in=lambda text: text)
KNOWN = Refusing(registry="ghcr.io", shown_from="auth.json", hidden_in=lambda text: text.replace("secret", "****"))


def said(refusing: Refusing, status: int, body: bytes = b"", doing: str = "pull acme/app", **headers: str) -> str:
    return str(refusing.failure(RegistryAnswer(status, headers, body), doing))


def test_refusal_tells_whose_credential_it_was() -> None:
    assert said(ANONYMOUS, 401) == (
        "ghcr.io does not permit to pull acme/app without a login\nhint: docker login ghcr.io"
    )
    body = b'{"errors": [{"code": "DENIED", "message": "secret\\nis bad"}]}'
    assert said(KNOWN, 403, body).startswith(
        "ghcr.io does not permit to pull acme/app with the credential from auth.json (DENIED: **** is bad)\n"
    )


def test_repository_that_is_not_there_is_to_be_made_before_a_push() -> None:
    assert said(KNOWN, 404, doing="push acme/app") == (
        "ghcr.io answered 404 to: push acme/app\n"
        "hint: make the repository first: ghcr.io does not make one that is pushed to"
    )
    assert said(KNOWN, 404) == "ghcr.io answered 404 to: pull acme/app"


def test_web_page_is_no_registry() -> None:
    page = RegistryAnswer(200, {"content-type": "text/html; charset=utf-8"}, b"<html>")
    assert str(KNOWN.failure(page, "pull acme/app")) == (
        "ghcr.io answered with a web page where a registry was expected\nhint: correct the host"
    )


def test_limit_tells_how_long_and_that_a_login_may_help() -> None:
    limited = RegistryAnswer(429, {"retry-after": "3600"}, b"")
    assert str(ANONYMOUS.failure(limited, "pull acme/app")) == (
        "ghcr.io limits how often it is asked, and does not pull acme/app for 60 min\n"
        "hint: docker login ghcr.io (most registries let users ask more often), or wait and try again"
    )
    assert str(KNOWN.failure(limited, "pull acme/app")).endswith("\nhint: wait and try again")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"errors": 1}', b'{"errors": ["x"]}', b"<html>", b'{"errors": []}']
)
def test_what_is_no_error_of_a_registry_is_not_repeated(body: bytes) -> None:
    assert KNOWN.said(body) == ""


def test_long_words_of_a_registry_are_cut() -> None:
    assert len(KNOWN.said(b'{"errors": [{"message": "%s"}]}' % (b"x" * 9000))) == len(" ()") + 200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (120, "120 s"), (121, "3 min"), (7200, "120 min"), (7201, "2 h 1 min"), (10800, "3 h"), (1e300, "277777 h 47 min")],
)  # fmt: skip
def test_times_are_in_words_of_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_only_a_long_wait_puts_off() -> None:
    assert is_put_off(429, {"retry-after": "61"})
    assert not is_put_off(429, {"retry-after": "60"})
    assert not is_put_off(404, {"retry-after": "9999"})
    assert is_put_off(429, {}, b"You have reached your pull rate limit.")
    assert not is_put_off(503, {}, b"pull rate limit")
