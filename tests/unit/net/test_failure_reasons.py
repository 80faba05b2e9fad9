"""Why a request failed, in words of people: no name of a library, and what mends it."""

from __future__ import annotations

import ssl
from http.client import BadStatusLine, IncompleteRead

import pytest
from urllib3.exceptions import HTTPError, ProtocolError, SSLError

from onedigest.net.failure_reasons import AUTHORITY, reason_of, tls_hint, unreachable


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer")), "Connection reset by peer"),
        (ProtocolError("Connection aborted.", BadStatusLine("SSH-2.0")), "what answers does not speak HTTP"),
        (ProtocolError("Connection broken", IncompleteRead(b"x", 7)), "the answer broke off"),
        (SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")), "wrong version number"),
        (HTTPError("outer: inner: the last words"), "the last words"),
        (HTTPError(), "HTTPError"),
    ],
)  # fmt: skip
def test_reason_is_in_words_of_people(error: HTTPError, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("certificate has expired", "check the clock of this machine; else"),
        ("certificate is not yet valid", "check the clock of this machine"),
        ("Hostname mismatch, certificate is not valid for 'x'", "the certificate is another host's"),
        ("tlsv13 alert certificate required", "name your own certificate, with its key, with SSL_CLIENT_CERT"),
        ("self-signed certificate", AUTHORITY),
        ("connection refused", ""),
    ],
)
def test_what_mends_a_certificate_depends_on_what_is_wrong(why: str, hint: str) -> None:
    assert tls_hint(why).startswith(hint)
    assert bool(tls_hint(why)) == bool(hint)


def test_host_that_cannot_be_reached_is_named_with_what_helps() -> None:
    error = ProtocolError("Connection aborted.", ConnectionRefusedError(111, "Connection refused"))
    assert str(unreachable(error, "https://x.example/y")) == (
        "https://x.example/y: cannot be reached: Connection refused\n"
        "hint: check the network, or use `--offline` once inputs are fetched"
    )
    assert unreachable(SSLError("self-signed certificate"), "x").problems[0].hint == AUTHORITY
