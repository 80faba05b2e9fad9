"""What layers leave: links, whiteouts, replaced folders; and what files tell of a Python."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from base_images import Files, elf, make_tar, python_files
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.lock.base.probe import EXAMINER, dpkg_status, glibc_version, list_pythons, release_fields
from onedigest.oci.rootfs import Rootfs, read_rootfs
from onedigest.store import Store

PLAIN = "application/vnd.oci.image.layer.v1.tar"


def rootfs(folder: Path, *layers: Files) -> Rootfs:
    found = []
    for files in layers:
        tar = make_tar(files)
        path = folder / of_bytes(tar)[7:19]
        path.write_bytes(tar)
        found.append((Descriptor(of_bytes(tar), of_bytes(tar), len(tar), PLAIN), path))
    return read_rootfs(found, EXAMINER, Store(folder / "store"))


def test_links_are_followed_as_linux_follows_them(tmp_path: Path) -> None:
    files: Files = {
        "bin": "usr/bin", "usr/bin/a": b"", "usr/bin/b": "a", "usr/bin/c": "/bin/b", "usr/bin/up": "../../bin/../bin/c",
        "loop": "loop2", "loop2": "loop", "gone": "nowhere", "top": "/", "out": "../../usr",
    }  # fmt: skip
    root = rootfs(tmp_path, files)

    for path in ("/usr/bin/a", "/bin/a", "/bin/b", "bin/c", "usr/bin/up", "/top/bin/a", "/out/bin/a"):
        assert (root.find(path) or ("",))[0] == "usr/bin/a", path
    assert (root.find("/"), root.find("loop"), root.find("gone"), root.find("/usr/bin/x")) == (
        root.find("/.."), None, None, None,
    )  # fmt: skip


def test_whiteouts_take_away_what_is_below_alone(tmp_path: Path) -> None:
    root = rootfs(
        tmp_path,
        {"a/one": b"", "a/two/three": b"", "b/one": b"", "b/two": b"", "c": b""},
        {"a/.wh.two": b"", "b/.wh..wh..opq": b"", "b/new": b"", ".wh.c": b"", "c": None},
    )

    assert [path for path in ("a/one", "a/two", "a/two/three", "b/one", "b/two", "b/new") if root.find(path)] == [
        "a/one",
        "b/new",
    ]
    found = root.plain("c")
    assert found
    assert found.kind == "dir"


def test_file_in_the_place_of_a_folder_hides_what_was_in_it(tmp_path: Path) -> None:
    root = rootfs(tmp_path, {"a/b/c": b""}, {"a/b": b"file"})

    assert (root.find("a/b/c"), root.find("a/b") is not None) == (None, True)


def test_layer_is_read_once(tmp_path: Path) -> None:
    rootfs(tmp_path, {"x": b""})
    for path in tmp_path.glob("*"):
        if path.is_file():
            path.write_bytes(b"")
    tar = make_tar({"x": b""})
    descriptor = Descriptor(of_bytes(tar), of_bytes(tar), len(tar), PLAIN)

    assert read_rootfs([(descriptor, tmp_path / "none")], EXAMINER, Store(tmp_path / "store")).find("x")


@pytest.mark.parametrize(
    ("data", "said"), [(b"x" * 600, "is no archive"), (make_tar({"a": b"x" * 999})[:700], "is no archive")]
)
def test_what_is_no_archive_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(data)
    descriptor = Descriptor(of_bytes(data), of_bytes(data), len(data), PLAIN)
    with pytest.raises(InputError, match=said):
        read_rootfs([(descriptor, tmp_path / "layer")], EXAMINER, Store(tmp_path / "store"))


def test_python_of_a_shared_library_is_found(tmp_path: Path) -> None:
    """As docker's images have it: the program holds no version, its library does."""
    files = {
        **python_files("linux/amd64", "3.12.4"),
        "usr/local/bin/python3.12": elf("linux/amd64", "nothing"),
        "usr/local/lib/libpython3.12.so.1.0": elf("linux/amd64", "/build/Python-3.12.7"),
        "usr/lib/libpython3.12.so.1.0": elf("linux/amd64", "3.12.1"),
    }
    found = list_pythons(rootfs(tmp_path, files), "/usr/local/bin")

    assert [(python.path, python.version) for python in found] == [("/usr/local/bin/python3.12", "3.12.7")]


def test_python_of_a_header_is_found(tmp_path: Path) -> None:
    files = {
        **python_files("linux/amd64"),
        "usr/local/bin/python3.12": elf("linux/amd64", "3.12.4\x003.12.5"),
        "usr/local/include/python3.12/patchlevel.h": b'#define PY_MAJOR 3\n#define PY_VERSION      "3.12.9+"\n',
    }

    assert [python.version for python in list_pythons(rootfs(tmp_path, files), "/usr/local/bin")] == ["3.12.9"]


@pytest.mark.parametrize("name", ["python3.12d", "python3-config", "pythonw"])
def test_what_is_no_python_of_ours(name: str, tmp_path: Path) -> None:
    files: Files = {f"bin/{name}": elf("linux/amd64", "3.12.4"), "bin/python3": name}

    assert list_pythons(rootfs(tmp_path, files), "/bin") == []


def test_script_in_the_place_of_python_is_passed_over(tmp_path: Path) -> None:
    files = {**python_files("linux/amd64"), "usr/local/bin/python3": b"#!/bin/sh\nexec python3.12\n"}

    assert [python.path for python in list_pythons(rootfs(tmp_path, files), "/none:/usr/local/bin")] == [
        "/usr/local/bin/python3.12"
    ]


def test_oldest_glibc_counts(tmp_path: Path) -> None:
    files = {
        "lib/libc.so.6": elf("linux/amd64", "GNU C Library stable release version 2.36.\n"),
        "opt/lib/libc-2.31.so": elf("linux/amd64", "GNU C Library stable release version 2.31.\n"),
        "opt/arm/libc.so.6": elf("linux/arm64", "GNU C Library stable release version 2.17.\n"),
    }

    assert glibc_version(rootfs(tmp_path, files), 62) == "2.31"
    assert glibc_version(rootfs(tmp_path, {}), 62) == ""


def test_names_of_system_and_packages(tmp_path: Path) -> None:
    root = rootfs(
        tmp_path,
        {"usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', "etc/os-release": "../usr/lib/os-release"},
        {"var/lib/dpkg/status": b"Package: a\n\n", "var/lib/dpkg/status.d/b": b"Package: b\n", "var/lib/dpkg/status.d/b.md5sums": b"x"},
    )  # fmt: skip

    assert release_fields(root) == {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
    assert dpkg_status(root) == "Package: a\n\nPackage: b\n"


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(100), b"\x7fELF\x02\x01" + b"\xff" * 200])
def test_broken_programs_tell_nothing(data: bytes) -> None:
    facts = EXAMINER.examine("usr/bin/python3.12", io.BytesIO(data))

    assert "versions" not in facts
    assert "loader" not in facts
