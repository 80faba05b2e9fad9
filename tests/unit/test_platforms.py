"""Names of platforms: each as images and people write it, and the one that locks have."""

from __future__ import annotations

import pytest

from onedigest.platforms import canonical, canonical_name, is_variant, split


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("linux", "amd64"), "linux/amd64"),
        (("linux", "amd64", "v1"), "linux/amd64"),
        (("linux", "amd64", "v2"), "linux/amd64/v2"),
        (("Linux", "X86_64"), "linux/amd64"),
        (("", "x86-64", "V1"), "linux/amd64"),
        (("linux", "aarch64", "v8"), "linux/arm64"),
        (("linux", "arm64", "8"), "linux/arm64"),
        (("linux", "arm64", "v8.0"), "linux/arm64"),
        (("linux", "arm64", "v9"), "linux/arm64/v9"),
        (("linux", "arm"), "linux/arm/v7"),
        (("linux", "arm", "6"), "linux/arm/v6"),
        (("linux", "armhf", "v6"), "linux/arm/v7"),
        (("linux", "armel"), "linux/arm/v6"),
        (("linux", "i386", "v1"), "linux/386"),
        (("linux", "ppc64le", "power9"), "linux/ppc64le/power9"),
        (("windows", "amd64"), "windows/amd64"),
    ],
)
def test_image_states_a_platform(written: tuple[str, ...], expected: str) -> None:
    """As containerd normalizes it (`platforms`, database.go)."""
    assert canonical(*written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *(
            (text, "linux/amd64")
            for text in ("amd64", "x86_64", "X86-64", "linux/amd64/v1", "linux/x86_64", "amd64/v1")
        ),
        *((text, "linux/arm64") for text in ("arm64", " aarch64 ", "linux/arm64/v8", "LINUX/ARM64", "arm64/v8")),
        *(("linux/s390x", "linux/s390x"), ("s390x", "linux/s390x"), ("windows/amd64", "windows/amd64")),
        *((text, "") for text in ("", " ", "/", "linux/", "/amd64", "linux//v8", "linux/amd64/v1/x", "amd64/v1/x/y")),
    ],
)
def test_somebody_writes_a_platform(written: str, expected: str) -> None:
    assert canonical_name(written) == expected


def test_variants_of_known_platforms() -> None:
    assert [name for name in ("amd64/v3", "linux/arm64/v9", "arm64/v8", "arm/v7", "", "x") if is_variant(name)] == [
        "amd64/v3",
        "linux/arm64/v9",
    ]


def test_list_with_commas() -> None:
    assert split(" linux/amd64, arm64,,") == ["linux/amd64", "arm64"]
    assert split(",") == []
