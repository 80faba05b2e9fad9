"""Files at absolute paths do not replace what Debian packages bring; every message word for word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deb_builder import directory, entry, link, make_deb
from full_case import DATA, LOCK, SPEC
from onedigest.errors import InputError
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.packages import DebianPackage
from onedigest.missing.check import find_lacks
from onedigest.missing.model import CheckedImage
from onedigest.platforms import AMD64, ARM64
from onedigest.store import Store

MEMBERS = [
    directory("./etc"), directory("./etc/tool"), entry("./etc/tool/tool.conf"), directory("./etc/secret", mode=0o710),
    directory("./usr/bin"), entry("./usr/bin/tool"), link("./etc/linked", "tool"), directory("./tmp", mode=0o1777),
    directory("./var/tool"),
]  # fmt: skip
POSTINST = b"#!/bin/sh\nset -e\nchmod 1730 /var/tool\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def look_at(store: Store, folder: Path, *targets: str, kept: bool = True) -> list[str]:
    """Return what is said of files at some paths, in an image of one package."""
    assert isinstance(LOCK.base, DebianBase)
    data = make_deb(folder / "tool.deb", "tool", MEMBERS, scripts={"postinst": POSTINST}).read_bytes()
    package = DebianPackage(
        name="tool",
        version="1",
        architecture="all",
        path="pool/tool_1_all.deb",
        digest=store.add(data) if kept else LOCK.base.packages[0].digest,
        size=len(data),
        platforms=(AMD64, ARM64),
    )
    base = replace(LOCK.base, packages=(package,), system_packages=(), essential_packages=())
    looked = CheckedImage(
        spec=replace(SPEC, copies=tuple((each, "x") for each in targets), include_script=False, entrypoint=(), args=()),
        lock=replace(LOCK, base=base, packages=()),
        files=[replace(DATA, target=each, path="x") for each in targets],
        platforms=(AMD64, ARM64),
        plan="sha256:" + "1" * 64,
        folder=folder,
        place="full.py",
        where=lambda key: f"full.py:4 {key}",
        again=False,
    )
    try:
        return [str(each) for each in find_lacks(looked, store, lambda _: None)]
    except InputError as error:
        return [f"{each.where}: {each.message}" for each in error.problems]


def test_files_of_packages_are_refused(store: Store, tmp_path: Path) -> None:
    expected = [
        "full.py:4 copy: `copy` brings x to /etc/tool, which is a folder of Debian's tool",
        "full.py:4 copy: `copy` brings x to /etc/tool/tool.conf, which is a file of Debian's tool",
        "full.py:4 copy: `copy` brings x below /etc/linked, which is a link of Debian's tool",
        "full.py:4 copy: `copy` brings x below /etc/secret, which has another mode or owner in Debian's tool",
    ]
    targets = ("/etc/tool", "/etc/tool/tool.conf", "/etc/linked/a", "/etc/secret/a", "/etc/tool/more.conf", "/tmp/a")

    assert look_at(store, tmp_path, *targets) == expected
    assert look_at(store, tmp_path, *targets, kept=False) == expected  # it was noted


def test_folder_is_as_scripts_of_packages_leave_it(store: Store, tmp_path: Path) -> None:
    expected = "full.py:4 copy: `copy` brings x below /var/tool, which has another mode or owner in Debian's tool"

    assert look_at(store, tmp_path, "/var/tool/a") == [expected]


def test_other_places_are_free(store: Store, tmp_path: Path) -> None:
    places = ("/etc/tool/more.conf", "/usr/bin/more", "/tmp/a", "/opt/x", "etc/tool/tool.conf")

    assert look_at(store, tmp_path, *places) == []


def test_of_packages_that_were_never_here_nothing_is_said(store: Store, tmp_path: Path) -> None:
    assert look_at(store, tmp_path, "/etc/tool", kept=False) == []
