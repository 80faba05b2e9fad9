"""Names of images: what is accepted is written again as it was understood."""

from __future__ import annotations

from onedigest.errors import OnedigestError
from onedigest.oci.reference import parse_reference

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (b"@sha256:", b"0" * 64, b":443", b"localhost/", b"__", b"..", b"[::1]", b":latest", b"//")
SEEDS: tuple[bytes, ...] = (
    b"python:3.13-slim",
    b"ghcr.io/acme/penguins:1",
    b"localhost:5000/a/b__c-d@sha256:" + b"0" * 64,
    b"[2001:db8::1]:5000/x:1@sha256:" + b"f" * 64,
)


def run(data: bytes) -> None:
    """Parse a reference, and what it is written as."""
    found = parse_reference(data.decode("utf-8", "replace"), "app.py")
    assert parse_reference(str(found)) == found
    assert ".." not in found.repository.split("/")
    assert not set(f"{found.name}{found.tag}") & set(" \n\t\"'\\$`")
