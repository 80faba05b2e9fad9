"""Addresses of packages, read as uv reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.lock.addresses import file_address, is_archive, read_address, read_git


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("https://", "an address that cannot be read"),
        ("https://[x/a.whl", "an address that cannot be read"),
        ("ftp://x/a.whl", "an address that begins with ftp:"),
        ("file://other/a.whl", "another machine's file"),
        ("https://x.example/a.whl#sha256=xyz", "an address whose sha256 is none"),
        ("https://x.example/a.tar.gz#subdirectory=../b", "a source whose `subdirectory` is not a folder below it"),
    ],
)
def test_address_that_cannot_be_followed_says_why(text: str, wrong: str) -> None:
    assert read_address(text).wrong == wrong


def test_wheel_of_the_web_has_its_digest() -> None:
    found = read_address(f"https://x.example/a%2Ewhl#sha256={'a' * 64}&other=1")
    assert (found.is_web, found.is_wheel, found.digest, found.place) == (
        True,
        True,
        f"sha256:{'a' * 64}",
        "https://x.example/a%2Ewhl",
    )


def test_files_are_found_by_their_paths() -> None:
    assert read_address(file_address(Path("/a b/c#d.whl"))).place == "/a b/c#d.whl"
    assert read_address("../a.whl").place == "../a.whl"
    assert read_address("file://localhost/a#subdirectory=b").subdirectory == "b"


def test_rows_of_git_have_one_reference() -> None:
    assert read_git({"git": "git+https://x.example/r", "tag": "v1"}).reference == "refs/tags/v1"
    assert read_git({"git": "https://x.example/r", "rev": "abc", "subdirectory": "b"}).subdirectory == "b"
    assert "more than one of" in read_git({"git": "x", "rev": "a", "branch": "b"}).wrong
    assert "git LFS" in read_git({"git": "x", "lfs": True}).wrong


def test_archives_are_those_that_uv_unpacks() -> None:
    assert [is_archive(name) for name in ("a.TAR.GZ", "a.zip", "a.whl", "tar.gz")] == [True, True, False, False]
