"""Sources of wheels in a lock: what is written is read, and every field is checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from golden import expected_files
from onedigest.digest import of_bytes
from onedigest.errors import OnedigestError
from onedigest.from_source.model import NO_DIGEST, BuildRequirement, BuiltFrom, Kind, PinnedFile
from onedigest.lock import text
from onedigest.lock.model import Lock, LockedPackage, Wheel

DIGEST = of_bytes(b"x")
MAKER = BuildRequirement(
    name="maker", version="1.0", wheels=(PinnedFile(name="maker-1.0-py3-none-any.whl", digest=DIGEST, size=7),)
)
COMMIT, TREE = "0123456789" * 4, "abcdef0123" * 4
GIT = BuiltFrom(
    kind=Kind.GIT,
    path="ssh://git.test:22/acme/core",
    commit=COMMIT,
    tree=TREE,
    reference="feature/x",
    subdirectory="python/core",
    settings=DIGEST,
    requires=(MAKER,),
)
ORIGINS = [
    GIT,
    replace(GIT, path="https://git.test/acme/core@x", reference="", settings=NO_DIGEST, subdirectory="", requires=()),
    BuiltFrom(kind=Kind.DIRECTORY, path="../libs/core", digest=DIGEST, settings=DIGEST, requires=(MAKER,)),
    BuiltFrom(kind=Kind.ARCHIVE, path="core-1.0.tar.gz", digest=DIGEST, size=3, subdirectory="a"),
    BuiltFrom(kind=Kind.ARCHIVE, path="v1.zip", reference=DIGEST, digest=DIGEST, size=3),
]


def lock_with(origin: BuiltFrom) -> Lock:
    found = text.loads(expected_files("minimal")["pylock.toml"], "pylock.toml")
    wheel = Wheel(name="core-1.0-py3-none-any.whl", digest=DIGEST, size=1)
    wheels = tuple((platform, wheel) for platform in found.platforms)
    core = LockedPackage(name="core", version="1.0", wheels=wheels, origin=origin)
    return replace(found, packages=(core,), roots=(("core", "1.0"),))


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: f"{origin.kind} {origin.path}")
def test_what_is_written_is_read(origin: BuiltFrom) -> None:
    lock = lock_with(origin)

    assert text.loads(text.dumps(lock), "pylock.toml") == lock


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (replace(GIT, path="https://me:secret@git.test/a"), "is not the address of a repository without user and"),
        (replace(GIT, path="ext::sh"), "is not the address of a repository without user and"),
        (replace(GIT, commit="main"), "is not the name of an object of git"),
        (replace(ORIGINS[2], path="/srv/core"), "is not a relative path with slashes"),
        (replace(ORIGINS[3], path="../core.zip"), "which is not a plain file name"),
        (replace(ORIGINS[4], reference="main"), "which is not a sha256 digest"),
    ],
)
def test_what_is_none_is_refused(origin: BuiltFrom, message: str) -> None:
    with pytest.raises(OnedigestError, match=message):
        text.loads(text.dumps(lock_with(origin)), "pylock.toml")
