"""Addresses of git: every form that requirements have, and no secret in what is shown."""

from __future__ import annotations

import pytest

from onedigest.errors import InputError
from onedigest.from_source.git_address import GitUrl, read_git_url, read_remote, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git+https://git.test/a/b", ("https://git.test/a/b", "", "", "")),
        ("git+https://git.test/a/b.git@v1", ("https://git.test/a/b.git", "v1", "", "")),
        ("git+https://git.test/a/b@feature/x", ("https://git.test/a/b", "feature/x", "", "")),
        ("git+https://git.test/a/b@a%2Fb", ("https://git.test/a/b", "a/b", "", "")),
        ("git+ssh://git@git.test/a/b.git@main", ("ssh://git@git.test/a/b.git", "main", "", "")),
        ("git+ssh://git@git.test:2222/a/b", ("ssh://git@git.test:2222/a/b", "", "", "")),
        ("git+https://me:t@git.test/a@1#egg=core&subdirectory=x/y", ("https://me:t@git.test/a", "1", "x/y", "core")),
        ("git+https://git.test/a#subdirectory=python/", ("https://git.test/a", "", "python", "")),
        ("git+file:///srv/a@v1", ("file:///srv/a", "v1", "", "")),
    ],
)
def test_a_requirement_names_place_reference_and_folder(text: str, expected: tuple[str, str, str, str]) -> None:
    assert read_git_url(text) == GitUrl(*expected)


@pytest.mark.parametrize("text", ["git+https://git.test/a@", "git+https://git.test/a#subdirectory=../b"])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no reference|which is no plain path"):
        read_git_url(text)


@pytest.mark.parametrize(
    ("place", "address", "plain"),
    [
        ("https://git.test/a", "https://git.test/a", "https://git.test/a"),
        ("https://me@git.test/a", "https://git.test/a", "https://git.test/a"),
        ("https://me:pass@git.test:8443/a", "https://git.test:8443/a", "https://git.test:8443/a"),
        ("ssh://git@git.test/a", "ssh://git@git.test/a", "ssh://git.test/a"),
        ("git@git.test:a/b.git", "ssh://git@git.test/a/b.git", "ssh://git.test/a/b.git"),
        ("file://localhost/srv/a", "file:///srv/a", "file:///srv/a"),
        ("/srv/a", "file:///srv/a", "file:///srv/a"),
        ("HTTPS://git.test/a", "https://git.test/a", "https://git.test/a"),
    ],
)
def test_git_is_asked_at_an_address_without_a_password(place: str, address: str, plain: str) -> None:
    found = read_remote(place, "app.py", "core")

    assert (found.address, found.shown) == (address, plain)
    assert "pass" not in repr(found)


def test_a_user_is_a_name_or_a_token() -> None:
    name = read_remote("https://me@git.test/a", "app.py", "core")
    token = read_remote("https://ghp_0123456789@git.test/a", "app.py", "core")
    both = read_remote("https://me:p%40ss@git.test/a", "app.py", "core")

    assert (name.settings, name.secrets) == ({"credential.https://git.test/.username": "me"}, ())
    assert token.settings == {"http.https://git.test/.extraHeader": "Authorization: Basic Z2hwXzAxMjM0NTY3ODk6"}
    assert token.secrets[0] == "ghp_0123456789"
    assert both.secrets[0] == "p@ss"


def test_messages_have_no_user_and_no_password() -> None:
    assert shown("https://me:secret@git.test/a#x") == "https://git.test/a"
    with pytest.raises(InputError) as error:
        read_remote("ftp://me:secret@git.test/a", "app.py", "core")

    assert str(error.value) == (
        "app.py: the address of `core` is 'ftp://****@git.test/a', and git is asked by https, ssh, http or file alone"
    )
