"""The address of a git repository: read without a password in what is shown, or refused."""

from __future__ import annotations

from onedigest.errors import InputError
from onedigest.from_source.git_address import check_reference, read_git_url, read_remote

SEEDS = (
    b"git+https://git.test/acme/core@v1#egg=core&subdirectory=a/b",
    b"git+ssh://git@git.test:22/acme/core.git@feature/x",
    b"git+https://me:secret@[::1]:8443/acme/core",
    b"git+file:///srv/core@0123abcd",
    b"git@git.test:acme/core.git",
)
EXPECTED = (InputError, ValueError)
TOKENS = (b"@", b"://", b":", b"#", b"%40", b"-o", b"ext::", b"[", b"]", b"?", b"git+", b"\\")


def run(data: bytes) -> None:
    stated = read_git_url(data.decode("utf-8", "replace"))
    remote = read_remote(stated.place, "app.py", "core")
    check_reference(stated.reference, "core", "app.py")
    assert not remote.address.startswith("-")
    assert "@" not in remote.shown.partition("://")[2].partition("/")[0]
    assert not stated.reference.startswith("-")
