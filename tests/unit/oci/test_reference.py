"""Names of images: what docker takes for granted, and what is refused."""

from __future__ import annotations

import pytest

from onedigest.errors import InputError
from onedigest.oci.reference import parse_reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "full", "asked"),
    [
        ("python", "docker.io/library/python", "latest"),
        ("python:3.13-slim", "docker.io/library/python:3.13-slim", "3.13-slim"),
        ("acme/app", "docker.io/acme/app", "latest"),
        ("docker.io/library/python:3.13", "docker.io/library/python:3.13", "3.13"),
        ("ghcr.io/acme/a/b_c:v1", "ghcr.io/acme/a/b_c:v1", "v1"),
        ("localhost/app", "localhost/app", "latest"),
        ("127.0.0.1:5000/acme/app", "127.0.0.1:5000/acme/app", "latest"),
        ("[::1]:5000/app:x", "[::1]:5000/app:x", "x"),
        (f"ghcr.io/acme/app@{DIGEST}", f"ghcr.io/acme/app@{DIGEST}", DIGEST),
        (f"ghcr.io/acme/app:v1@{DIGEST}", f"ghcr.io/acme/app:v1@{DIGEST}", DIGEST),
    ],
)
def test_reference_is_read_as_docker_reads_it(text: str, full: str, asked: str) -> None:
    reference = parse_reference(text)

    assert (str(reference), reference.asked) == (full, asked)
    assert parse_reference(full) == reference


def test_long_text_is_no_reference_and_is_cut() -> None:
    with pytest.raises(InputError) as caught:
        parse_reference("a" * 100_000)

    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "text",
    [
        "", "Python", "ghcr.io/Acme/app", "ghcr.io/acme/app:", "ghcr.io/acme//app", "ghcr.io/acme/app@sha256:00",
        "ghcr.io/../app", "https://ghcr.io/acme/app", "ghcr.io/acme/app:v 1", "user@ghcr.io/acme/app", "ghcr.io/acme/app:ü",
        "127.0.0.1:65536/app", "127.0.0.1:٣/app", "ghcr.io/acme/app\n", "ghcr.io/acme/app\x1b[31m", "a/" * 200 + "a:v!",
    ],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_reference(text, "app.py")

    assert str(caught.value) == (
        f"app.py: `{text}` is not the reference of an image\nhint: write HOST/NAME:TAG or HOST/NAME@sha256:…"
    )


def test_one_image_of_a_repository_has_no_tag() -> None:
    assert str(parse_reference("ghcr.io/acme/app:v1").at(DIGEST)) == f"ghcr.io/acme/app@{DIGEST}"
