"""What uv says of a network, with what mends it here."""

from __future__ import annotations

import pytest

from onedigest.tools.uv_network import with_hint

PEER = "Failed to fetch: https://index.example/simple/alpha/\n  cause: invalid peer certificate: "
OPTION = "\n\nhint: Consider enabling use of system TLS certificates with the `--system-certs` command-line flag"


@pytest.mark.parametrize(
    ("said", "variables", "expected"),
    [
        ("Failed to fetch: x\n  cause: timed out", {}, ("Failed to fetch: x\n  cause: timed out", "check the network")),
        ("Failed to fetch: x\nhint: do it", {}, ("Failed to fetch: x\nhint: do it", "")),
        (
            f"{PEER}UnknownIssuer{OPTION}",
            {},
            (
                f"{PEER}UnknownIssuer",
                "name your authority's certificates with SSL_CERT_FILE, or trust those of the system: UV_SYSTEM_CERTS=true",
            ),
        ),
        (
            f"{PEER}UnknownIssuer",
            {"UV_SYSTEM_CERTS": "true"},
            (f"{PEER}UnknownIssuer", "name your authority's certificates with SSL_CERT_FILE"),
        ),
        (f"{PEER}Expired", {}, (f"{PEER}Expired", "check the certificate of the index")),
        (
            "tunnel error: proxy authorization required",
            {},
            ("tunnel error: proxy authorization required", "check the network"),
        ),
    ],
)
def test_has_no_option_that_nobody_can_give(said: str, variables: dict[str, str], expected: tuple[str, str]) -> None:
    assert with_hint(said, variables) == expected
