"""The Contents index of a suite: which package has a library or a program."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, cast

import pytest

from onedigest.debian import contents
from onedigest.debian.contents import packages_with
from onedigest.debian.library_names import package_named_after
from onedigest.digest import Digest, of_bytes
from onedigest.errors import NetworkError
from onedigest.store import Store

TRIPLET = "usr/lib/x86_64-linux-gnu"
ROWS = [
    ("usr/aarch64-linux-gnu/lib/libc.so.6", "libs/libc6-arm64-cross"),
    ("usr/bin/node", "javascript/nodejs"),
    ("usr/lib/debug/lib/libGL.so.1", "debug/libgl1-dbg"),
    (f"{TRIPLET}/libGL.so.1", "libs/libgl1"),
    (f"{TRIPLET}/libGL.so.1.7.0", "libs/libgl1"),
    (f"{TRIPLET}/blas/libblas.so.3", "libs/libblas3"),
    (f"{TRIPLET}/openblas-pthread/libblas.so.3", "libs/libopenblas0-pthread"),
    (f"{TRIPLET}/deep/down/libdeep.so.1", "libs/libdeep1"),
    (f"{TRIPLET}/libtwo.so.2", "oldlibs/libtwo2-dev,libs/libtwo2"),
    ("usr/lib/libplain.so.1", "libs/libplain1"),
    (f"{TRIPLET}/libxlibGL.so.1", "libs/wrong"),
    (f"{TRIPLET}/libbad.so.1", "libs/UPPER"),
    ("usr/share/doc/usr/bin/node", "doc/wrong"),
]


class Served:
    """Stands for an archive that has one file."""

    def __init__(self, root: Path, data: bytes) -> None:
        self.path = root / "Contents-amd64.gz"
        self.path.write_bytes(data)
        self.store = Store(root / "store")

    def fetch(self, suite: str, path: str, most: int) -> tuple[Path, Digest]:
        assert (suite, path, most > 1 << 20) == ("trixie", "main/Contents-amd64.gz", True)
        return self.path, of_bytes(self.path.read_bytes())

    def find(self, *names: str) -> dict[str, str]:
        return packages_with(names, "trixie", "amd64", cast(Any, self), self.store)


def test_packages_of_libraries_and_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"{path:<60} {owner}\n" for path, owner in ROWS)
    served = Served(tmp_path, gzip.compress(text.encode()))
    names = ("libGL.so.1", "libblas.so.3", "libdeep.so.1", "libtwo.so.2", "libplain.so.1", "usr/bin/node", "libc.so.6")
    expected = {
        "libGL.so.1": "libgl1",
        "libblas.so.3": "libblas3",
        "libplain.so.1": "libplain1",
        "libtwo.so.2": "libtwo2",
        "usr/bin/node": "nodejs",
    }

    assert served.find(*names, "libbad.so.1", "none", "", "a\nb") == expected
    monkeypatch.setattr(contents, "_search", None)
    assert served.find("a\nb", "", "none", "libbad.so.1", *names) == expected  # it is noted


def test_lines_that_pieces_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_PIECE", 64)
    text = "".join(f"{TRIPLET}/libx{number}.so.1 libs/libx{number}\n" for number in range(300)).rstrip("\n")
    served = Served(tmp_path, gzip.compress(text.encode()))
    names = [f"libx{number}.so.1" for number in (0, 99, 150, 299)]

    assert served.find(*names) == {name: name[:-5] for name in names}


@pytest.mark.parametrize(
    "data", [b"no gzip", gzip.compress(b"a" * 100_000), gzip.compress(b"x\n" * 999)[:20] + b"\xff" * 99]
)
def test_broken_index(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        Served(tmp_path, data).find("libx.so.1")

    assert "index of Debian's files" in str(caught.value)


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libGL.so.1", "libgl1"),
        ("libX11.so.6", "libx11-6"),
        ("libxcb-icccm.so.4", "libxcb-icccm4"),
        ("libgdk_pixbuf-2.0.so.0", "libgdk-pixbuf-2.0-0"),
        ("libgthread-2.0.so.0", "libglib2.0-0t64"),
        ("libcups.so.2", "libcups2t64"),
        ("libgl.so.1.7.0", "libgl1"),
        ("libnone.so.1", ""),
        ("usr/bin/node", ""),
    ],
)
def test_package_by_the_name_of_a_library(library: str, package: str) -> None:
    known = {"libgl1", "libx11-6", "libxcb-icccm4", "libgdk-pixbuf-2.0-0", "libglib2.0-0t64", "libcups2t64"}

    assert package_named_after(library, known.__contains__) == package
