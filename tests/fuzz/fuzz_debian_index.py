"""Indexes and lists of installed packages: stanzas, relations and versions of any form."""

from __future__ import annotations

from pathlib import PurePosixPath

from onedigest.debian import versions
from onedigest.debian.closure import close
from onedigest.debian.index import Index, installed
from onedigest.errors import OnedigestError

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (
    *(b"Package: ", b"\nVersion: ", b"\nDepends: ", b"\nPre-Depends: ", b"\nProvides: ", b"\nConflicts: ", b"\nSize: "),
    *(
        b"\nFilename: ",
        b"\nSHA256: ",
        b"\n\n",
        b" | ",
        b", ",
        b" (>= 1)",
        b" (= ",
        b"<<",
        b":any",
        b"../",
        b"\n ",
        b"~",
    ),
)


def _stanza(name: str, **more: str) -> str:
    fields = {
        "Package": name,
        "Version": "1:2.3-4+deb13u1",
        "Architecture": "amd64",
        "Filename": f"pool/main/{name}.deb",
        "SHA256": "0" * 64,
        "Size": "12",
        **more,
    }
    return "".join(f"{key.replace('_', '-')}: {text}\n" for key, text in fields.items()) + "\n"


SEEDS: tuple[bytes, ...] = (
    (_stanza("python3", Depends="libc6 (>= 2.36), tzdata | zone-info", Priority="important") + _stanza("libc6")).encode(),
    (_stanza("python3", Depends="awk") + _stanza("mawk", Provides="awk (= 1)", Conflicts="libc6 (<< 1)")).encode(),
    (_stanza("tzdata", Status="install ok installed", Breaks="python3 (<< 3)") + _stanza("libc6", Pre_Depends="a")).encode(),
)  # fmt: skip


def run(data: bytes) -> None:
    """Close a root over the data as an index, above the data as a list of installed packages."""
    text = data.decode("utf-8", "replace")
    given = installed(text)
    for stanza in given.values():
        assert stanza.provides is not None
        versions.satisfies(stanza.version, ">=", "1:0~a")
        versions.upstream(stanza.version)
    for above in ({}, given):
        for stanza in close(Index(text), ["python3"], frozenset({"dpkg"}), above):
            path = PurePosixPath(stanza.path)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert len(stanza.sha256) == 64
