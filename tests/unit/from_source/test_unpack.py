"""Archives of source: unpacked whole, in every usual form, and never beside their folder."""

from __future__ import annotations

import io
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from onedigest.errors import InputError
from onedigest.from_source import unpack
from onedigest.from_source.archives import top_of
from onedigest.from_source.unpack import unpack_file

FILES = {"core-1.0/pyproject.toml": b"[project]\n", "core-1.0/src/core.py": b"A = 1\n"}


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz", **options: object) -> Path:
    with tarfile.open(path, mode, **options) as archive:  # type: ignore[call-overload]  # passed on as they are
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, size: int = 0, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname, found.mode = kind, size, link, mode
    return found


def files(path: Path, mode: str, **options: object) -> Path:
    return tar_of(path, *((member(name, size=len(data)), data) for name, data in FILES.items()), mode=mode, **options)


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return path


def unpacked_to(archive: Path, target: Path) -> dict[str, bytes]:
    unpack_file(archive, target, "the archive a of `core`", "app.py")
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def refused(archive: Path, target: Path) -> str:
    with pytest.raises(InputError) as error:
        unpack_file(archive, target, "the archive a of `core`", "app.py")
    return str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: files(path, "w:gz", format=tarfile.PAX_FORMAT),
        lambda path: files(path, "w:gz", format=tarfile.GNU_FORMAT),
        lambda path: files(path, "w:bz2"),
        lambda path: files(path, "w:xz"),
        lambda path: files(path, "w"),
        zipped,
    ],
    ids=["pax", "gnu", "bz2", "xz", "plain", "zip"],
)
def test_each_usual_form_is_read_whatever_its_name(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert unpacked_to(make(tmp_path / "archive"), tmp_path / "out") == FILES
    assert top_of(tmp_path / "out").name == "core-1.0"


def test_an_archive_without_a_folder_at_its_top_is_its_own_source(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "a", (member("setup.py"), b""), (member("./core.py"), b""))
    unpacked_to(archive, tmp_path / "out")

    assert top_of(tmp_path / "out") == tmp_path / "out"


def test_modes_links_and_long_names_are_kept(tmp_path: Path) -> None:
    long = "/".join(["x" * 200] * 5)
    archive = tar_of(
        tmp_path / "a",
        (member("a/run", mode=0o4777, size=1), b"r"),
        (member("a/plain", mode=0o600), b""),
        (member("a/link", tarfile.SYMTYPE, link="../a/run"), b""),
        (member("a/same", tarfile.LNKTYPE, link="a/run"), b""),
        (member(long), b""),
    )
    found = unpacked_to(archive, tmp_path / "out")

    assert found == {"a/run": b"r", "a/plain": b"", "a/link": b"r", "a/same": b"r", long: b""}
    assert [(tmp_path / "out/a" / name).lstat().st_mode & 0o7777 for name in ("run", "plain")] == [0o755, 0o644]
    assert (tmp_path / "out/a/link").is_symlink()
    assert not (tmp_path / "out/a/same").is_symlink()


def test_a_file_that_comes_twice_is_the_last_one(tmp_path: Path) -> None:
    archive = tar_of(
        tmp_path / "a",
        (member("x", tarfile.SYMTYPE, link="y"), b""),
        (member("x", size=1), b"1"),
        (member("x", size=1), b"2"),
    )

    assert unpacked_to(archive, tmp_path / "out") == {"x": b"2"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("../x")], "has '../x', which is no path in it"),
        ([member("/x")], "has '/x', which is no path in it"),
        ([member("a/../../x")], "has 'a/../../x', which is no path in it"),
        ([member("y" * 300)], f"has '{'y' * 200}', which is no path in it"),
        ([member("x", tarfile.SYMTYPE, link="/etc")], "has 'x' as a link that leaves it"),
        ([member("x", tarfile.SYMTYPE, link="../..")], "has 'x' as a link that leaves it"),
        (
            [
                member("d", tarfile.DIRTYPE),
                member("d/e", tarfile.SYMTYPE, link="."),
                member("x", tarfile.SYMTYPE, link="d/e/../.."),
            ],
            "has 'x' as a link that leaves it",
        ),
        ([member("x", tarfile.LNKTYPE, link="/etc/passwd")], "has '/etc/passwd', which is no path in it"),
        ([member("x", tarfile.LNKTYPE, link="y")], "has 'x' as a link to 'y', which is no file in it"),
        ([member("x", tarfile.CHRTYPE)], "has 'x', which is neither file, folder nor link"),
        ([member("x", tarfile.FIFOTYPE)], "has 'x', which is neither file, folder nor link"),
        ([member("x"), member("x/y")], "has 'x' as a file, and files below it"),
        ([member("x/y"), member("x")], "has one path as a folder and as something else"),
        ([member("x/y"), member("x", tarfile.SYMTYPE, link="z")], "has one path as a folder and as something else"),
    ],
)
def test_what_would_leave_the_folder_is_refused(tmp_path: Path, members: list[tarfile.TarInfo], message: str) -> None:
    archive = tar_of(tmp_path / "a", *((each, b"") for each in members))

    assert refused(archive, tmp_path / "in" / "out") == f"app.py: the archive a of `core` {message}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "in"]


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    archive = tar_of(
        tmp_path / "a",
        (member("d", tarfile.SYMTYPE, link="../outside"), b""),
        (member("d/x", size=1), b"x"),
    )

    assert (
        refused(archive, tmp_path / "out")
        == "app.py: the archive a of `core` has one path as a folder and as something else"
    )
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_member_of_a_zip_file_without_a_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("x", "x")
    data = (tmp_path / "a").read_bytes()
    at = data.index(b"PK\1\2") + 28
    # what was its name in the directory is an extra field
    (tmp_path / "a").write_bytes(data[:at] + b"\0\0\1\0" + data[at + 4 :])

    assert refused(tmp_path / "a", tmp_path / "out").startswith("app.py: the archive a of `core` cannot be unpacked: ")


def test_links_of_zip_files_are_links(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr("a/x", "x")
        link = zipfile.ZipInfo("a/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "x")
        link = zipfile.ZipInfo("a/out")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "../../../etc")

    assert (
        refused(tmp_path / "a", tmp_path / "out")
        == "app.py: the archive a of `core` has 'a/out' as a link that leaves it"
    )
    assert (tmp_path / "out/a/link").readlink() == Path("x")


def test_bombs_are_refused_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_BYTES", 1 << 20)
    large = tar_of(tmp_path / "a", (member("x", size=8 << 20), bytes(8 << 20)))
    header = member("x")
    header.pax_headers = {"comment": "y" * (2 << 20)}
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(2 << 20))
    head = tar_of(tmp_path / "h", (header, b""), format=tarfile.PAX_FORMAT)
    monkeypatch.setattr(unpack, "MOST_FILES", 2)
    many = tar_of(tmp_path / "m", *((member(str(number)), b"") for number in range(3)))

    assert refused(large, tmp_path / "1") == "app.py: the archive a of `core` unpacks to more than 1048576 bytes"
    assert (
        refused(tmp_path / "z", tmp_path / "2") == "app.py: the archive a of `core` unpacks to more than 1048576 bytes"
    )
    assert refused(head, tmp_path / "3") == "app.py: the archive a of `core` has a header of more than 1048576 bytes"
    assert refused(many, tmp_path / "4") == "app.py: the archive a of `core` has more than 2 files"


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    whole = files(tmp_path / "whole", "w:gz").read_bytes()
    wrong = [b"", b"<html>", b"PK\3\4nothing", b"\x1f\x8bx", b"BZh9x", b"\xfd7zXZ\0", whole[:60], whole[:-20]]
    for number, data in enumerate(wrong):
        (tmp_path / "a").write_bytes(data)
        assert refused(tmp_path / "a", tmp_path / str(number)).startswith(
            "app.py: the archive a of `core` cannot be unpacked: "
        )


@pytest.mark.slow
def test_thousands_of_links_in_a_row_are_not_followed(tmp_path: Path) -> None:
    """Each of them by itself would be, to the end: a matter of hours."""
    rows = [(member(f"core-1.0/{number}", tarfile.SYMTYPE, link=str(number + 1)), b"") for number in range(3000)]
    archive = tar_of(tmp_path / "core-1.0.tar.gz", *rows, (member("core-1.0/3000"), b""))
    begun = time.monotonic()
    unpack_file(archive, tmp_path / "out", "the archive", "app.py")

    assert (tmp_path / "out/core-1.0/2990").resolve().name == "3000"
    assert time.monotonic() - begun < 10
