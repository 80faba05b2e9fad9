"""Layers of Debian packages: unpacked without running anything, canonical, and refused where they are hostile."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from deb_builder import directory, entry, make_deb
from onedigest.assembler import deb, debian_root, stream
from onedigest.assembler.configuration.file_list import Listed, read_list
from onedigest.assembler.configuration.system import System
from onedigest.assembler.debian_packages import debian_packages_layer
from onedigest.assembler.debian_root import debian_configuration_layer, debian_root_layer
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

PASSWD = b"root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
GROUP = b"root:*:0:\nnogroup:*:65534:\n"


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    return make_deb(
        tmp_path / "base-passwd.deb",
        "base-passwd",
        [
            entry("./usr/share/base-passwd/passwd.master", PASSWD),
            entry("./usr/share/base-passwd/group.master", GROUP),
            entry("./usr/share/libc-bin/nsswitch.conf", b"hosts: files dns\n"),
            entry("./usr/share/ca-certificates/b.crt", b"BBB"),
            entry("./usr/share/ca-certificates/a.crt", b"AAA\n"),
            entry("./lib/x86_64-linux-gnu/libc.so", b"elf"),
        ],
    )


def by_path(entries: list[Entry]) -> dict[str, Entry]:
    return {each.path: each for each in entries}


def content_of(entries: list[Entry], path: str) -> bytes:
    content = by_path(entries)[path].content
    assert isinstance(content, bytes)
    return content


def test_accounts_bundle_and_order_of_name_services_are_made(accounts: Path) -> None:
    entries = debian_root_layer([accounts], "65532:65532")

    assert (
        content_of(entries, "etc/passwd") == PASSWD + b"nonroot:*:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin\n"
    )
    assert content_of(entries, "etc/group") == GROUP + b"nonroot:*:65532:\n"
    assert content_of(entries, "etc/nsswitch.conf") == b"hosts: files dns\n"
    assert content_of(entries, "etc/ssl/certs/ca-certificates.crt") == b"AAA\nBBB\n"
    assert content_of(entries, "var/lib/dpkg/status.d/base-passwd") == b"Package: base-passwd\nVersion: 1\n"
    found = by_path(entries)
    assert (found["home/nonroot"].uid, found["home/nonroot"].gid, found["tmp"].mode) == (65532, 65532, 0o1777)
    assert found["usr/lib/ssl/cert.pem"].target == "/etc/ssl/certs/ca-certificates.crt"


def test_known_user_gets_no_entry(accounts: Path) -> None:
    entries = debian_root_layer([accounts], "0:0")

    assert content_of(entries, "etc/passwd") == PASSWD
    assert "home" not in by_path(entries)


def test_paths_below_usr_are_merged(accounts: Path) -> None:
    found = by_path(debian_root_layer([accounts], "0:0"))

    assert found["lib"].target == "usr/lib"
    assert "usr/lib/x86_64-linux-gnu/libc.so" in found


def test_hard_links_point_to_the_first_of_their_paths(tmp_path: Path) -> None:
    members = [
        entry("./usr/bin/z", b"program", mode=0o4755),
        entry("./usr/bin/a", None, kind=tarfile.LNKTYPE, target="./usr/bin/z"),
        entry("./usr/bin/m", None, kind=tarfile.LNKTYPE, target="./usr/bin/z"),
    ]
    entries = debian_packages_layer([make_deb(tmp_path / "x.deb", "xx", members)])
    found = by_path(entries)

    assert (found["usr/bin/a"].kind, found["usr/bin/a"].mode, content_of(entries, "usr/bin/a")) == (
        "file",
        0o4755,
        b"program",
    )
    assert {path: (found[path].kind, found[path].target) for path in ("usr/bin/m", "usr/bin/z")} == {
        "usr/bin/m": ("hardlink", "usr/bin/a"),
        "usr/bin/z": ("hardlink", "usr/bin/a"),
    }
    output = io.BytesIO()
    stream.write_tar(entries, output)
    with tarfile.open(fileobj=io.BytesIO(output.getvalue())) as opened:
        assert opened.extractfile("usr/bin/z").read() == b"program"  # type: ignore[union-attr]  # it is a file


def test_order_of_packages_and_members_does_not_matter(tmp_path: Path) -> None:
    one = make_deb(tmp_path / "one.deb", "one", [entry("./b", b"1"), entry("./a", b"2")])
    two = make_deb(
        tmp_path / "two.deb", "two", [entry("./c/", None, kind=tarfile.DIRTYPE, mode=0o755), entry("./c/d", b"3")]
    )

    assert debian_packages_layer([one, two]) == debian_packages_layer([two, one])
    assert [each.path for each in debian_packages_layer([one, two])][:4] == ["a", "b", "c", "c/d"]


def test_equal_file_of_two_packages_is_one(tmp_path: Path) -> None:
    debs = [make_deb(tmp_path / f"{name}.deb", name * 2, [entry("./same", b"x")]) for name in ("a", "b")]

    assert len([each for each in debian_packages_layer(debs) if each.path == "same"]) == 1


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        debian_packages_layer([path])
    return str(caught.value)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([entry("./../etc/passwd")], "x.deb: path './../etc/passwd' cannot be part of a layer [name]"),
        ([entry("./usr/.wh.bin")], "x.deb: path './usr/.wh.bin' cannot be part of a layer [name]"),
        (
            [entry("./dev/null", None, kind=tarfile.CHRTYPE)],
            "x.deb: /dev/null is neither file, directory nor link [type]",
        ),
        (
            [entry("./a", None, kind=tarfile.LNKTYPE, target="b")],
            "x.deb: /a is a hard link to /b, which is no file [deb]",
        ),
        ([entry("./a", b"1"), entry("./a/b", b"2")], "x.deb: /a/b lies below /a, which is no directory [conflict]"),
    ],
)
def test_hostile_package_is_refused(
    members: list[tuple[tarfile.TarInfo, bytes]], expected: str, tmp_path: Path
) -> None:
    assert refusal(make_deb(tmp_path / "x.deb", "xx", members)) == expected


def test_different_content_for_one_path_is_refused(tmp_path: Path) -> None:
    debs = [make_deb(tmp_path / f"{name}.deb", name * 2, [entry("./same", name.encode())]) for name in ("a", "b")]
    with pytest.raises(Refused, match=r"a\.deb and b\.deb: both bring /same, with different content"):
        debian_packages_layer(debs)


@pytest.mark.parametrize("length", [0, 7, 70, 150, -5])
def test_truncated_package_is_refused(length: int, tmp_path: Path) -> None:
    path = make_deb(tmp_path / "x.deb", "xx", [entry("./a", b"content" * 99)])
    path.write_bytes(path.read_bytes()[:length])

    assert refusal(path).startswith("x.deb: ")


def test_zstd_is_refused_by_name(tmp_path: Path) -> None:
    assert (
        refusal(make_deb(tmp_path / "x.deb", "xx", [], ".zst"))
        == "x.deb: packed with zstd, which Debian does not use [deb]"
    )


def test_reader_agrees_with_dpkg(tmp_path: Path) -> None:
    path = make_deb(tmp_path / "x.deb", "xx", [entry("./opt/a", b"content", mode=0o755)])
    try:
        listed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(path)], capture_output=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("dpkg-deb is not installed")
    with tarfile.open(fileobj=io.BytesIO(listed)) as opened:
        expected = {each.name.removeprefix("./"): each.mode for each in opened if each.isreg()}

    assert {each.path: each.mode for each in deb.read(path).entries if each.kind == "file"} == expected


def test_made_files_leave_folders_of_packages_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_deb(tmp_path / "keep.deb", "keep", [directory("./var/keep/", mode=0o2750, gid=7)])
    made = file_entry("var/keep/made", b"made\n", executable=False, origin="test")
    monkeypatch.setattr(debian_root, "configuration", lambda _: {made.path: made})
    found = by_path(debian_configuration_layer([path]))

    assert list(found) == ["var", "var/keep", "var/keep/made"]
    assert (found["var/keep"].mode, found["var/keep"].gid) == (0o2750, 7)


def test_makers_see_the_files_of_an_image_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_deb(tmp_path / "some.deb", "some", [])
    listed = tmp_path / "files.json"
    listed.write_text('{"files":[["etc/passwd","file","",{"text":"root"}]],"format":1}')
    seen: list[System] = []

    def make(system: System) -> dict[str, Entry]:
        seen.append(system)
        return {}

    monkeypatch.setattr(debian_root, "configuration", make)
    debian_configuration_layer([path], listed)

    assert seen[0].files["etc/passwd"].content == Listed(None, b"root")
    assert "var/lib/dpkg/status.d/some" in seen[0].files


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "[" * 100_000, '{"format":1}', '{"files":[],"format":2}', '{"files":[["a","file",""]],"format":1}'),
        *('{"files":[["a","pipe","",{}]],"format":1}', '{"files":[["a","file","",{"text":1}]],"format":1}'),
        '{"files":[["a","file","",{"machine":"62"}]],"format":1}',
    ],
)
def test_list_of_files_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "files.json"
    path.write_text(text)

    with pytest.raises(Refused) as refused:
        read_list(path)
    assert refused.value.code == "document"
