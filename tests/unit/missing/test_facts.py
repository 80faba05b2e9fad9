"""What one wheel or Debian package brings and needs, and that it is found once."""

from __future__ import annotations

from pathlib import Path

import pytest

from deb_builder import directory, entry, link, make_deb
from elf_builder import elf_file
from onedigest.digest import of_bytes
from onedigest.missing import facts as found
from onedigest.missing.facts import Facts, read_facts
from onedigest.store import Store
from wheel_builder import wheel_bytes

POSTINST = b"""#!/bin/sh
update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \\
    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz
update-alternatives --install "/usr/lib/$triplet/libblas.so.3" "libblas.so.3-$triplet" /usr/lib/x/libblas.so.3 10
update-alternatives --install /bin/editor editor /usr/bin/nano 1
"""


def facts(store: Store, name: str, data: bytes) -> Facts | None:
    return read_facts(name, store.add(data), store, "3.13")


def test_a_debian_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [
        directory("./usr/bin/"),
        entry("./usr/bin/tool", elf_file(needed=["libc.so.6", "libx.so.1"]), mode=0o755),
        entry("./bin/shell", b"#!/bin/bash -e\nexit\n", mode=0o755),
        entry("./usr/bin/notes.txt", b"#!/bin/none\n"),
        link("./usr/bin/other", "tool"),
        directory("./usr/lib/x86_64-linux-gnu/"),
        entry("./usr/lib/x86_64-linux-gnu/libown.so.1.2", elf_file("libown.so.1", needed=["libc.so.6"])),
        link("./usr/lib/x86_64-linux-gnu/libown.so", "libown.so.1.2"),
        entry("./usr/lib/python3/dist-packages/deep/script", b"#!/bin/none\n", mode=0o755),
    ]
    deb = make_deb(tmp_path / "x.deb", "example", members, scripts={"postinst": POSTINST})
    store = Store(tmp_path / "store")
    expected = Facts(
        libraries=("libblas.so.3", "libown.so", "libown.so.1", "libown.so.1.2"),
        programs=("usr/bin/awk", "usr/bin/editor", "usr/bin/other", "usr/bin/shell", "usr/bin/tool"),
        needs=(
            ("usr/bin/tool", 62, ("libc.so.6", "libx.so.1")),
            ("usr/lib/x86_64-linux-gnu/libown.so.1.2", 62, ("libc.so.6",)),
        ),
        started=(("usr/bin/shell", "#!/bin/bash -e"),),
    )

    assert facts(store, "x.deb", deb.read_bytes()) == expected
    store.path(of_bytes(deb.read_bytes())).unlink()
    monkeypatch.setattr(found, "_of_deb", None)
    assert read_facts("x.deb", of_bytes(deb.read_bytes()), store, "3.13") == expected


def test_a_wheel(tmp_path: Path) -> None:
    files = {
        "one/__init__.py": b"",
        "two.py": b"",
        "three.cpython-313-x86_64-linux-gnu.so": elf_file(needed=["libc.so.6"]),
        "four.pth": b"",
        "five.txt": b"",
        "six-data/x": b"",
        "seven.libs/libz-1.so": elf_file("libz-1.so"),
        "alpha-1.0.data/scripts/run": b"#!python\n",
    }
    known = facts(Store(tmp_path / "store"), "alpha-1.0-py3-none-any.whl", wheel_bytes("alpha", "1.0", files=files))

    assert known is not None
    assert known.modules == ("four", "one", "three", "two")
    assert known.libraries == ("libz-1.so", "three.cpython-313-x86_64-linux-gnu.so")
    assert known.programs == ("opt/venv/bin/run",)
    assert [line for _, line in known.started] == ["#!/opt/venv/bin/python"]


@pytest.mark.parametrize("name", ["x.deb", "alpha-1.0-py3-none-any.whl"])
def test_a_file_that_no_layer_can_be_made_of_tells_nothing(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")

    assert facts(store, name, b"PK\3\4" * 100) == Facts()
    assert read_facts(name, of_bytes(b"never seen"), store, "3.13") is None
