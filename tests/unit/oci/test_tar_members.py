"""Members of a layer, as other writers of tars have them, and archives that are cut, broken or hostile."""

from __future__ import annotations

import io
import tarfile

import pytest

from onedigest.errors import InputError
from onedigest.oci.tar_members import TarMember, read_members


class Stream:
    """Bytes that are read forwards."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._file.read(size)

    def skip(self, size: int, /) -> int:
        return len(self._file.read(size))


def archive(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for each in members:
            tar.addfile(each, io.BytesIO(b"x" * each.size))
    return file.getvalue()


def member(name: str, size: int = 0, **values: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in values.items():
        setattr(found, key, value)
    return found


def read(data: bytes) -> list[TarMember]:
    return list(read_members(Stream(data)))


def refused(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(data)
    return str(caught.value)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_the_same_in_every_form(form: int) -> None:
    path = f"{'a' * 90}/{'b' * 90}"
    found = read(
        archive(
            member(path, 513, mode=0o4755, uid=7),
            member("d", type=tarfile.DIRTYPE),
            member("l", type=tarfile.SYMTYPE, linkname="x" * 99),
            member("h", type=tarfile.LNKTYPE, linkname=path[:99]),
            member("p", type=tarfile.FIFOTYPE),
            form=form,
        )
    )

    assert [(each.name, each.kind, each.size, each.target) for each in found] == [
        (path, "file", 513, ""),
        ("d", "dir", 0, ""),
        ("l", "link", 0, "x" * 99),
        ("h", "hardlink", 0, path[:99]),
        ("p", "other", 0, ""),
    ]
    assert (found[0].mode, found[0].owner) == (0o4755, 7)


def test_content_is_read_or_passed_over() -> None:
    data = archive(member("a", 700), member("b", 5))
    assert [each.content.read(9999) for each in read_members(Stream(data))] == [b"x" * 700, b"x" * 5]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_owner_beyond_octal_digits_is_read(form: int) -> None:
    assert read(archive(member("a", uid=3_000_000), form=form))[0].owner == 3_000_000


def test_names_that_are_no_utf_8_keep_their_bytes() -> None:
    (found,) = read(archive(member("a\udcff"), form=tarfile.GNU_FORMAT))
    assert found.name.encode("utf-8", "surrogateescape") == b"a\xff"


def test_archive_that_is_none_is_refused() -> None:
    assert refused(b"") == "no archive: it is empty"
    assert refused(b"x" * 512) == "no archive: a number in a header is broken"
    assert refused(b"x" * 100) == "no archive: it ends too early"


def test_archive_that_is_cut_off_is_refused() -> None:
    data = archive(member("a", 700))
    for size in (100, 511, 513, 1100, 1535):
        assert refused(data[:size]) == "no archive: it ends too early", size


def test_checksum_is_compared() -> None:
    data = bytearray(archive(member("a"), member("b")))
    data[512] ^= 1
    assert refused(bytes(data)) == "no archive: the checksum of a header is wrong"
    data[0] ^= 1
    assert refused(bytes(data)) == "no archive"


def test_path_and_extended_header_are_bounded() -> None:
    assert read(archive(member("a" * 4096)))[0].name == "a" * 4096
    assert refused(archive(member("a" * 4097))) == "no archive of ours: it has a path of more than 4096 bytes"
    assert refused(archive(member("a", type=tarfile.XHDTYPE, size=(1 << 20) + 1))) == (
        "no archive of ours: it has an extended header of 1048577 bytes"
    )


@pytest.mark.parametrize("text", [b"x", b"99 path=a\n", b"5 a=b\n", b"0 path=\n", b"9999999 path=a\n"])
def test_broken_pax_header_is_refused(text: bytes) -> None:
    header = member("x", len(text), type=tarfile.XHDTYPE).tobuf()
    data = header + text.ljust(512, b"\0") + archive(member("a"))
    assert refused(data) == "no archive: it has a broken pax header"
