"""Mirrors of anybody: what is not signed does not count, and what is signed is read in bounds."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pysequoia
import pytest

from debian_archive import DATE, NOW, DebianArchives, Signer, make_signer, served
from onedigest.debian import archive
from onedigest.debian.closure import close
from onedigest.debian.index import Index
from onedigest.debian.mirror import Mirrors, addresses, find_mirrors
from onedigest.debian.signature import verified_text
from onedigest.digest import hex_of, of_bytes
from onedigest.errors import InputError, NetworkError

MIRRORS = Mirrors(debian=("http://one.example/debian",))
TEXT = f"Suite: stable\nCodename: trixie\nDate: {DATE}\n- dashed\nSHA256:\n {'0' * 64} 1 main/x\n"
NOT_ALONE = "x: the Debian release file is not one signed text alone"
NOT_SIGNED = "x: the signature of the Debian release file is not by a key of the Debian archive"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


def parts(signed: bytes) -> tuple[bytes, bytes]:
    body, mark, rest = signed.partition(b"-----BEGIN PGP SIGNATURE-----\n")
    return body, mark + rest


def test_signed_text_is_read(signer: Signer) -> None:
    assert verified_text(signer.sign(TEXT), "x", now=NOW, keys=signer.keys) == TEXT


CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "text before": (lambda good: b"Suite: evil\n\n" + good, NOT_ALONE),
    "text after": (lambda good: good + b"\nSuite: evil\n", NOT_ALONE),
    "blank line after": (lambda good: good + b"\n", NOT_ALONE),
    "twice": (lambda good: good + good, NOT_ALONE),
    "unsigned part after": (lambda good: good + good.replace(b"stable", b"unsafe"), NOT_ALONE),
    "unsigned part before": (lambda good: good.replace(b"stable", b"unsafe") + good, NOT_SIGNED),
    "other text": (lambda good: good.replace(b"stable", b"unsafe"), NOT_SIGNED),
    "line ends": (lambda good: good.replace(b"\n", b"\r\n"), NOT_ALONE),
    "line ends of the text": (lambda good: parts(good)[0].replace(b"\n", b"\r\n") + parts(good)[1], NOT_ALONE),
    "spaces at the end of a line": (lambda good: good.replace(b"stable", b"stable \t"), NOT_ALONE),
    "other header": (lambda good: good.replace(b"Hash:", b"Comment: x\nHash:", 1), NOT_ALONE),
    "text among the headers": (lambda good: good.replace(b"\n\nSuite", b"\nSuite: evil\n\nSuite", 1), NOT_ALONE),
    "no blank line": (lambda good: good.replace(b"\n\n", b"\n", 1), NOT_SIGNED),
    "two blocks of signatures": (lambda good: good + parts(good)[1], NOT_ALONE),
    "signature first": (lambda good: parts(good)[1] + parts(good)[0], NOT_SIGNED),
    "no signature": (lambda good: parts(good)[0], NOT_SIGNED),
    "nothing": (lambda _: b"", NOT_SIGNED),
    "zero bytes": (lambda _: bytes(1000), NOT_SIGNED),
    "dashes": (lambda _: b"-" * 100_000, NOT_SIGNED),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_beside_a_signed_text_is_refused(what: str, signer: Signer) -> None:
    change, said = CHANGES[what]
    with pytest.raises(NetworkError) as caught:
        verified_text(change(signer.sign(TEXT)), "x", now=NOW, keys=signer.keys)

    assert str(caught.value).partition("\n")[0] == said


def test_message_that_is_not_a_cleartext_one_is_refused(signer: Signer) -> None:
    for form in (partial(pysequoia.sign, armor=True), partial(pysequoia.sign, armor=False)):
        with pytest.raises(NetworkError, match="is not one signed text alone"):
            verified_text(bytes(form(signer.signer, TEXT.encode())), "x", now=NOW, keys=signer.keys)


def test_key_of_another_is_refused(signer: Signer) -> None:
    with pytest.raises(NetworkError, match="is not by a key of the Debian archive"):
        verified_text(signer.sign(TEXT), "x", now=NOW)


def test_lines_that_are_escaped_are_read(signer: Signer) -> None:
    good = signer.sign(TEXT)

    assert b"\n- - dashed\n" in good
    assert verified_text(good.replace(b"\nSuite", b"\n- Suite"), "x", now=NOW, keys=signer.keys) == TEXT


@pytest.fixture
def archives(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DebianArchives]:
    with served(signer, tmp_path, monkeypatch) as found:
        yield found


PACKAGES = f"Package: alpha\nVersion: 1\nArchitecture: amd64\nFilename: pool/a.deb\nSHA256: {'0' * 64}\nSize: 1\n\n"


def release(packed: bytes, unpacked: bytes, **more: str) -> str:
    rows = [
        f" {hex_of(of_bytes(packed))} {len(packed)} main/binary-amd64/Packages.xz",
        f" {hex_of(of_bytes(unpacked))} {len(unpacked)} main/binary-amd64/Packages",
    ]
    fields = {"Suite": "stable", "Codename": "trixie", "Date": DATE, **more}
    return "".join(f"{name}: {text}\n" for name, text in fields.items()) + "SHA256:\n" + "\n".join(rows) + "\n"


def read(archives: DebianArchives, folder: Path, text: str, packed: bytes) -> archive.Suite:
    """Read a suite of which the main part is signed with any text, and has any index."""
    archives.publish_all()
    by_hash = f"/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/{hex_of(of_bytes(packed))}"
    archives.files |= {"/debian/dists/trixie/InRelease": archives.signer.sign(text), by_hash: packed}
    return archives.archive(folder).read("trixie", ("amd64",), security=True)


def test_suite_of_a_mirror_is_read(archives: DebianArchives, tmp_path: Path) -> None:
    packed = lzma.compress(PACKAGES.encode())
    suite = read(archives, tmp_path, release(packed, PACKAGES.encode()), packed)

    assert [each.date for each in suite.releases] == [DATE] * 3
    assert [each.name for each in close(suite.packages["amd64"], ["alpha"], frozenset(), {})] == ["alpha"]


BOMB = lzma.compress(bytes(8 << 20))


@pytest.mark.parametrize(
    ("packed", "text", "said"),
    [
        (BOMB, release(BOMB, PACKAGES.encode()), "trixie/main/binary-amd64/Packages: is not what the release file says of it"),
        (b"no xz at all" * 9, release(b"no xz at all" * 9, b"x"), "trixie/main/binary-amd64/Packages.xz: broken Debian package index: Input format not supported by decoder"),
        (BOMB[:-20], release(BOMB[:-20], b"x"), "trixie/main/binary-amd64/Packages: is not what the release file says of it"),
        (BOMB, release(BOMB, b"x", Date="yesterday"), "dists/trixie/InRelease: the date of the release file is 'yesterday', which is none"),
        (BOMB, release(BOMB, b"x", Date="Sat, 99 Jul 2026 10:16:37 UTC"), "dists/trixie/InRelease: the date of the release file is 'Sat, 99 Jul 2026 10:16:37 UTC', which is none"),
        (BOMB, release(BOMB, b"x", Codename="sid", Suite="unstable"), "dists/trixie/InRelease: the release file is of sid"),
        (BOMB, release(BOMB, b"x") + release(BOMB, b"x"), "dists/trixie/InRelease: the release file says something twice"),
        (BOMB, release(BOMB, b"x").replace("Packages.xz", "other"), "dists/trixie/InRelease: the release file does not list main/binary-amd64/Packages.xz"),
        (BOMB, release(BOMB, b"x").replace(f" {len(BOMB)} ", " 999999999999 "), "dists/trixie/InRelease: main/binary-amd64/Packages.xz has 999999999999 bytes; 134217728 are the most"),
        (lzma.compress(b"\xff"), release(lzma.compress(b"\xff"), b"\xff"), "trixie/main/binary-amd64/Packages.xz: broken Debian package index: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_suite_that_is_not_what_it_says_is_refused(
    packed: bytes,
    text: str,
    said: str,
    archives: DebianArchives,
    tmp_path: Path,
) -> None:
    with pytest.raises(NetworkError) as caught:
        read(archives, tmp_path, text, packed)

    assert str(caught.value.problems[0]).removeprefix(f"{archives.address}/debian/") == said


def test_very_large_release_is_not_verified(archives: DebianArchives, tmp_path: Path) -> None:
    text = release(BOMB, b"x", Description="x" * (9 << 20))
    with pytest.raises(NetworkError, match="the server sends more than 8388608 bytes"):
        read(archives, tmp_path, text, BOMB)


def stanza(fields: Mapping[str, str]) -> str:
    stated = dict(line.split(": ", 1) for line in PACKAGES.strip().split("\n"))
    return "".join(f"{name}: {text}\n" for name, text in {**stated, **fields}.items())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (stanza({"Filename": "../../etc/passwd"}), "Filename is '../../etc/passwd', which is not a plain path below the archive's root"),
        (stanza({"Filename": "/etc/passwd"}), "Filename is '/etc/passwd', which is not a plain path below the archive's root"),
        (stanza({"Filename": "pool/a b.deb"}), "Filename is 'pool/a b.deb', which is not a plain path below the archive's root"),
        (stanza({"Filename": "pool/a?x=1"}), "Filename is 'pool/a?x=1', which is not a plain path below the archive's root"),
        (stanza({"SHA256": "../../x"}), "SHA256 is '../../x', which is not a sha256"),
        (stanza({"Size": "9" * 5000}), f"Size is '{'9' * 80}', which is not a number of bytes"),
        (stanza({"Size": "-1"}), "Size is '-1', which is not a number of bytes"),
        (stanza({"Size": "1_0"}), "Size is '1_0', which is not a number of bytes"),
        (stanza({"Size": "٣"}), "Size is '٣', which is not a number of bytes"),
        (stanza({"Version": "1\x1b[31m"}), "Version is '1\\x1b[31m', which is not the version of a Debian package"),
        (stanza({"Version": "9" * 300}), f"Version is '{'9' * 77}'…, which is not the version of a Debian package"),
        (stanza({"Architecture": "a/b"}), "Architecture is 'a/b', which is not a plain name"),
        (stanza({}) + "Filename: pool/b.deb\n", "has a field twice"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_stanza_of_odd_form_is_refused(text: str, said: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Index(text).get("alpha")

    separator = " " if said.startswith("has ") else ": "
    assert str(caught.value) == f"Packages: broken Debian package index: `alpha`{separator}{said}"


def test_long_chains_of_packages_are_followed() -> None:
    """Neither recursion nor the square of their number is needed."""
    count = 5000
    rows = [
        stanza({"Package": f"p{number}", "Depends": f"p{number + 1} | lost", "Filename": f"pool/{number}.deb"})
        for number in range(count)
    ]
    last = stanza({"Package": f"p{count}", "Depends": "p0"})

    assert len(close(Index("\n".join([*rows, last])), ["p0"], frozenset(), {})) == count + 1


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "", "a b", "a\nb", "a?b", "a#b", "http://x"])
def test_path_that_leads_out_of_the_archive_has_no_address(path: str) -> None:
    with pytest.raises(InputError, match="the path of a file of Debian's archive is "):
        addresses(MIRRORS, "trixie", [path])


def test_percent_sign_in_a_name_is_no_escape() -> None:
    assert addresses(MIRRORS, "trixie", ["pool/a_1%3a2+b~c.deb"])[0] == (
        "http://one.example/debian/pool/a_1%253a2+b~c.deb"
    )


@pytest.mark.parametrize("date", ["x", "9" * 5000, "Sat, 11 Jul 9999 10:16:37 UTC", "Sat, 31 Feb 2026 10:16:37 UTC"])
def test_date_that_is_none_has_no_address(date: str) -> None:
    with pytest.raises(InputError, match="the date of Debian's release is "):
        addresses(Mirrors(), "trixie", ["pool/a.deb"], date)


def test_sources_of_apt_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "folder.list").mkdir()
    (folder / "gone.list").symlink_to("nowhere")
    (folder / "odd.list").write_bytes(b"deb http://[::/debian x main\ndeb \xff\xfe\ndeb http:///debian x main\n" * 50)
    (folder / "good.sources").write_bytes(
        b"\xffURIs: x\n\nTypes: deb\nURIs: https://one.example/debian/ ftp://two.example/debian\nSuites: x\nComponents: main\n"
    )

    assert find_mirrors("", "", tmp_path).debian == ("https://one.example/debian",)
