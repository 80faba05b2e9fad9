"""Debian packages that two readers understand differently are refused; what is taken, dpkg and tar read alike."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import lzma
import os
import random
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile_deb import END, ar, block, deb_of, long_name, packed, pax
from onedigest.assembler import deb, stream
from onedigest.assembler.debian_packages import debian_packages_layer
from onedigest.assembler.debian_root import debian_root_layer
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused

MUTATIONS = int(os.environ.get("ONEDIGEST_FUZZ_MUTATIONS", "120"))
SEED = int(os.environ.get("ONEDIGEST_FUZZ_SEED", "13"))
NOT_OCTAL = r"\xff"
A = block(b"./usr/a", b"GOOD")
ROOT = block(b"./", kind=b"5")


def other(suffix: str = ".xz") -> tuple[str, bytes]:
    return f"data.tar{suffix}", packed(block(b"./usr/a", b"EVIL") + END)


def base256(value: int, width: int) -> bytes:
    return b"\x80" + value.to_bytes(width - 1, "big")


def many_times_zero(count: int) -> bytes:
    """Return an xz stream of MiB of zero bytes behind the header of a file that is as large."""
    compressor, chunk = lzma.LZMACompressor(preset=0), bytes(1 << 20)
    found = [compressor.compress(block(b"./usr/a", size=b"%011o\0" % (count << 20)))]
    found += [compressor.compress(chunk) for _ in range(count)]
    return b"".join([*found, compressor.compress(END), compressor.flush()])


ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "two data members": (lambda: deb_of(A + END, more=[other()]), "x.deb: `data.tar.xz` follows data.tar [deb]"),
    "two data members, packed otherwise": (
        lambda: deb_of(A + END, more=[other(".gz")]),
        "x.deb: `data.tar.gz` follows data.tar [deb]",
    ),
    "a member behind the data": (
        lambda: deb_of(A + END, more=[("evil", b"x")]),
        "x.deb: `evil` follows data.tar [deb]",
    ),
    "the data before the control file": (
        lambda: ar([("debian-binary", b"2.0\n"), ("data.tar.xz", packed(A + END)), ("control.tar.xz", packed(END))]),
        "x.deb: no control.tar [deb]",
    ),
    "no version": (
        lambda: deb_of(A + END).replace(b"debian-binary", b"debian-banana"),
        "x.deb: not a Debian package [deb]",
    ),
    "another version": (lambda: deb_of(A + END).replace(b"2.0\n", b"3.0\n"), "x.deb: its format is not 2.x [deb]"),
    "another padding": (
        lambda: deb_of(A + END, more=[("_x", b"1")])[:-1] + b"x",
        "x.deb: broken archive header [deb]",
    ),
    "gzip that is called xz": (
        lambda: deb_of(A + END).replace(packed(A + END), gzip.compress(A + END).ljust(len(packed(A + END)), b"\0")),
        "x.deb: `data.tar.xz` is broken (Input format not supported by decoder) [deb]",
    ),
    "two streams": (
        lambda: ar([*_members(deb_of(END))[:2], ("data.tar.xz", packed(A) + packed(END))]),
        "x.deb: data after the end of `data.tar.xz` [deb]",
    ),
    "a decompressor that wants 1.5 GiB": (
        lambda: ar([*_members(deb_of(END))[:2], ("data.tar.xz", with_dictionary(40))]),
        "x.deb: `data.tar.xz` is broken (Memory usage limit exceeded) [deb]",
    ),
    "PAX headers": (
        lambda: deb_of(pax(path=b"./usr/evil") + A + END),
        "x.deb: PAX headers, which dpkg does not read [deb]",
    ),
    "a PAX header of 3 GB": (
        lambda: deb_of(block(b"x", kind=b"x", size=b"%011o\0" % (3 << 30)) + END),
        "x.deb: PAX headers, which dpkg does not read [deb]",
    ),
    "a PAX size": (
        lambda: deb_of(pax(size=b"9" * 5000) + A + END),
        "x.deb: PAX headers, which dpkg does not read [deb]",
    ),
    "a sparse file of 1 TB": (
        lambda: deb_of(block(b"./usr/a", kind=b"S", prefix=bytes(138) + base256(1 << 40, 12)) + END),
        "x.deb: its archive is neither in ustar's form nor in GNU's [deb]",
    ),
    "an owner that no tar of ours has room for": (
        lambda: deb_of(block(b"./usr/a", uid=b"77777777", user=b"") + END),
        "x.deb: the owner 16777215 `` cannot be part of a layer [deb]",
    ),
    "a large owner": (
        lambda: deb_of(block(b"./usr/a", uid=base256(3000000, 8)) + END),
        r"x.deb: b'\x80\x00\x00\x00\x00-\xc6\xc0' in a header of its archive is no octal number [deb]",
    ),
    "a negative size": (
        lambda: deb_of(block(b"./usr/a", size=b"\xff" * 12) + END),
        rf"x.deb: b'{NOT_OCTAL * 12}' in a header of its archive is no octal number [deb]",
    ),
    "a superuser by number, somebody else by name": (
        lambda: deb_of(block(b"./usr/a", user=b"games") + END),
        "x.deb: the owner 0 `games` cannot be part of a layer [deb]",
    ),
    "a superuser by name, somebody else by number": (
        lambda: deb_of(block(b"./usr/a", uid=b"0001750\0") + END),
        "x.deb: the owner 1000 `root` cannot be part of a layer [deb]",
    ),
    "a damaged header, behind which readers stop": (
        lambda: deb_of(A + b"\1" * 512 + block(b"./usr/b") + END),
        r"x.deb: b'\x01\x01\x01\x01\x01\x01\x01\x01' in a header of its archive is no octal number [deb]",
    ),
    "files behind the end": (
        lambda: deb_of(ROOT + END + A + END),
        "x.deb: its archive goes on after its end [deb]",
    ),
    "files behind one empty block": (
        lambda: deb_of(ROOT + bytes(512) + A + END),
        "x.deb: its archive goes on after its end [deb]",
    ),
    "no end": (lambda: deb_of(A), "x.deb: its archive is cut off [deb]"),
    "a name with two ends": (
        lambda: deb_of(block(b"./usr/a\0/evil") + END),
        r"x.deb: b'./usr/a\x00/evil' in a header of its archive has two ends [deb]",
    ),
    "a link with content": (
        lambda: deb_of(block(b"./usr/a", A, kind=b"2", target=b"b") + END),
        "x.deb: './usr/a' is no file, but has content [deb]",
    ),
    "a file that is called like a folder": (
        lambda: deb_of(block(b"./usr/a/") + END),
        "x.deb: './usr/a/' is no directory, but is called so [deb]",
    ),
    "two long names": (
        lambda: deb_of(long_name(b"./usr/evil") + long_name(b"./usr/good") + A + END),
        "x.deb: two long names for one member [deb]",
    ),
    "a long name of 2 GB": (
        lambda: deb_of(block(b"././@LongLink", kind=b"L", size=b"%011o\0" % (2 << 30)) + END),
        "x.deb: a name of 2147483648 bytes [name]",
    ),
    "a path twice": (
        lambda: deb_of(A + block(b"./usr/a", b"EVIL") + END),
        "x.deb: /usr/a is there twice [deb]",
    ),
    "a path twice, by way of a merged /usr": (
        lambda: deb_of(block(b"./bin/a", b"x") + block(b"./usr/bin/a", b"x") + END),
        "x.deb: /usr/bin/a is there twice [deb]",
    ),
    "a folder twice, with other rights": (
        lambda: deb_of(block(b"./x/", kind=b"5") + block(b"./x/", kind=b"5", mode=b"0000777\0") + END),
        "x.deb: /x is there twice [deb]",
    ),
    "an absolute path": (
        lambda: deb_of(block(b"/etc/x") + END),
        "x.deb: path '/etc/x' cannot be part of a layer [name]",
    ),
    "a component of 300 bytes": (
        lambda: deb_of(long_name(b"./" + b"a" * 300) + A + END),
        f"x.deb: path './{'a' * 98}'… cannot be part of a layer [name]",
    ),
    "a merged folder that is a link elsewhere": (
        lambda: deb_of(block(b"./bin", kind=b"2", target=b"/tmp") + END),
        "x.deb: /bin is a link into /usr [conflict]",
    ),
    "a link to nothing": (
        lambda: deb_of(block(b"./usr/a", kind=b"2") + END),
        "x.deb: target '' cannot be part of a layer [name]",
    ),
    "a link with a line break": (
        lambda: deb_of(block(b"./usr/a", kind=b"2", target=b"a\nb") + END),
        r"x.deb: target 'a\nb' cannot be part of a layer [name]",
    ),
    "the root as a link": (
        lambda: deb_of(block(b"./", kind=b"2", target=b"/tmp") + END),
        "x.deb: './' is no directory, but is called so [deb]",
    ),
    "two packages in one control file": (
        lambda: deb_of(A + END, control=b"Package: libc6\nVersion: 1\n\nPackage: evil\n"),
        "x.deb: its control file has a line that is no field, or a field twice [deb]",
    ),
    "two names in one control file": (
        lambda: deb_of(A + END, control=b"Package: libc6\npackage: evil\nVersion: 1\n"),
        "x.deb: its control file has a line that is no field, or a field twice [deb]",
    ),
    "a file that is not there": (
        lambda: deb_of(block(b"./usr/a", size=b"%011o\0" % (7 << 30)) + END),
        "x.deb: its archive is cut off [deb]",
    ),
}


def _members(data: bytes) -> list[tuple[str, bytes]]:
    """Return the members of an ar archive of ours."""
    found, at = [], 8
    while at < len(data):
        size = int(data[at + 48 : at + 58])
        found.append((data[at : at + 16].decode().strip(), data[at + 60 : at + 60 + size]))
        at += 60 + size + size % 2
    return found


def with_dictionary(code: int) -> bytes:
    """Return an xz stream whose header asks for a larger dictionary (xz file format, sections 3.1 and 5.3.1)."""
    data = bytearray(packed(END))
    place = data.index(b"\x21\x01", 12)
    data[place + 2] = code
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = zlib.crc32(data[12 : 12 + size - 4]).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(("make", "said"), ATTACKS.values(), ids=ATTACKS)
def test_package_that_readers_understand_differently_is_refused(
    make: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(make())
    with pytest.raises(Refused) as caught:
        debian_packages_layer([path])

    assert str(caught.value) == said


LONG = b"./usr/share/" + b"directory/" * 12 + b"file"
HONEST: dict[str, Callable[[], bytes]] = {
    "plain": lambda: deb_of(ROOT + A + END),
    "padded as tar does": lambda: deb_of(A + bytes(10240)),
    "ustar": lambda: deb_of(block(b"a", b"x", prefix=b"./usr/share", magic=b"ustar\x0000") + END),
    "long names": lambda: deb_of(
        long_name(LONG) + A + long_name(LONG, b"K") + block(b"./usr/b", kind=b"2", target=LONG[:100]) + END
    ),
    "old type of files": lambda: deb_of(block(b"./usr/a", b"x", kind=b"\0") + END),
    "links": lambda: deb_of(
        A + block(b"./usr/b", kind=b"1", target=b"./usr/a") + block(b"./usr/c", kind=b"2", target=b"/x/../y") + END
    ),
    "rights": lambda: deb_of(block(b"./usr/a", b"x", mode=b"0004755\0", gid=b"0000053\0", group=b"shadow") + END),
    "a backslash, as systemd has it": lambda: deb_of(block(b"./usr/system-\\x2d.slice", b"x") + END),
    "signed": lambda: deb_of(A + END, more=[("_gpgorigin", b"signature")]),
    "gzip": lambda: ar([*_members(deb_of(END))[:2], ("data.tar.gz", gzip.compress(A + END))]),
    "bzip2": lambda: ar([*_members(deb_of(END))[:2], ("data.tar.bz2", bz2.compress(A + END))]),
    "not packed": lambda: ar([*_members(deb_of(END))[:2], ("data.tar", A + END)]),
    "names as ar ends them": lambda: ar([("debian-binary/", b"2.0\n"), *_members(deb_of(A + END))[1:]]),
}


@pytest.mark.parametrize("make", HONEST.values(), ids=HONEST)
def test_package_as_tools_make_it_is_taken(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(make())

    assert deb.read(path).entries


def test_large_content_waits_on_the_disk_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(ar([*_members(deb_of(END))[:2], ("data.tar.xz", many_times_zero(3))]))
    (large,) = deb.read(path).entries

    assert not isinstance(large.content, bytes)
    assert [len(piece) for piece in large.content.pieces()] == [1 << 20] * 3
    assert large.digest == recorded(bytes(3 << 20))
    written = io.BytesIO()
    stream.write_tar(debian_packages_layer([path]), written)
    with tarfile.open(fileobj=io.BytesIO(written.getvalue())) as opened:
        assert opened.extractfile("usr/a").read() == bytes(3 << 20)  # type: ignore[union-attr]  # it is a file


def recorded(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("passwd", "said"),
    [
        (b"root:*:x:0:::\n", "x.deb: /usr/share/base-passwd/passwd.master is no table of accounts [deb]"),
        (b"root\n", "x.deb: /usr/share/base-passwd/passwd.master is no table of accounts [deb]"),
        (b"\xff\n", "x.deb: /usr/share/base-passwd/passwd.master is not UTF-8 [deb]"),
        (
            b"root:*:" + b"9" * 5000 + b":0:::\n",
            "x.deb: /usr/share/base-passwd/passwd.master is no table of accounts [deb]",
        ),
    ],
)
def test_table_of_accounts_that_is_none_is_refused(passwd: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(deb_of(block(b"./usr/share/base-passwd/passwd.master", passwd) + END))
    with pytest.raises(Refused) as caught:
        debian_root_layer([path], "0:0")

    assert str(caught.value) == said


def mutated(chance: random.Random) -> bytes:  # noqa: C901, PLR0912  one case for each kind of change
    """Return a package with one to three changes, each of which may be harmless."""
    names = [b"./usr/a", b"./usr/b", b"./opt/x/c", b"./usr/\xc3\xb6"]
    blocks = [ROOT, block(b"./usr/", kind=b"5"), *(block(name, name * 9) for name in names)]
    more: list[tuple[str, bytes]] = []
    end = END
    for _ in range(chance.choice((1, 1, 2, 3))):
        place = chance.randrange(2, len(blocks))
        name = chance.choice(names)
        match chance.randrange(12):
            case 0:
                field = chance.choice(("mode", "uid", "gid", "size", "mtime", "major"))
                width = 12 if field in ("size", "mtime") else 8
                values = (b"%o" % 9, b"0" * width, b" 11 ", b"8", b"", base256(9, width), b"7" * width, b"0000010\0")
                blocks[place] = block(name, b"x" * 9, **{field: chance.choice(values)})
            case 1:
                blocks[place] = block(name, kind=bytes([chance.choice(b"01256DLKSVgx7\0A")]), target=b"./usr/a")
            case 2:
                blocks[place] = block(
                    name, b"x", magic=chance.choice((b"ustar\x0000", b"ustar  \0", b"", b"ustar\0", b"ustar 00"))
                )
            case 3:
                form = chance.choice((b"ustar\x0000", b"ustar  \0"))
                blocks[place] = block(b"p" * chance.choice((1, 99, 100)), b"x", prefix=b"./usr", magic=form)
            case 4:
                blocks.insert(place, long_name(chance.choice((LONG, name, b"./usr/" + b"n" * 200, b"x\0y", b""))))
            case 5:
                blocks.insert(place, long_name(chance.choice((LONG, b"/t" * 90)), b"K"))
                blocks.insert(place + 1, block(b"./usr/link", kind=b"2", target=b"short"))
            case 6:
                user = chance.choice((b"", b"root", b"nobody", b"games"))
                blocks[place] = block(name, b"x", user=user, uid=chance.choice((b"0000000\0", b"0000005\0")))
            case 7:
                end = chance.choice((b"", bytes(512), bytes(1536), bytes(10240), END + blocks[-1], bytes(512) + END))
            case 8:
                chance.shuffle(blocks)
            case 9:
                more.append(chance.choice((("_x", b"1"), ("data.tar", A), ("x", b""))))
            case 10:
                names_of_a = (
                    b"./usr/a/",
                    b"usr/a",
                    b"/usr/a",
                    b"././usr/a",
                    b"./usr//a",
                    b"./usr/./a",
                    b"./usr/A",
                    b"./usr/a ",
                )
                blocks[place] = block(
                    chance.choice(names_of_a), chance.choice((b"", b"x")), kind=chance.choice((b"0", b"5"))
                )
            case 11:
                changed = bytearray(blocks[place])
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
                if chance.random() < 0.7:
                    changed[148:156] = b"%06o\0 " % (sum(changed[:148]) + sum(changed[156:512]) + 256)
                blocks[place] = bytes(changed)
    return deb_of(b"".join(blocks) + end, more=more)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, tuple[Entry, ...]]:
    """Mutations of a package that our reader takes, with what it reads."""
    folder, chance = tmp_path_factory.mktemp("mutations"), random.Random(SEED)
    found: dict[Path, tuple[Entry, ...]] = {}
    for number in range(MUTATIONS):
        path = folder / f"{number}.deb"
        path.write_bytes(mutated(chance))
        try:
            debian_packages_layer([path])
            found[path] = deb.read(path).entries
        except Refused:
            path.unlink()
    for name, make in HONEST.items():
        path = folder / f"{name.replace(' ', '-')}.deb"
        path.write_bytes(make())
        found[path] = deb.read(path).entries
    return found


def shown(entries: tuple[Entry, ...]) -> dict[str, tuple[str, int, str]]:
    """Return kind, rights, and content or target of what is no folder."""
    files = {each.path: each for each in entries}
    found = {}
    for each in entries:
        real = files.get(each.target, each) if each.kind == "hardlink" else each
        if each.kind != "dir":
            target = each.target if each.kind == "link" else real.digest
            found[each.path] = (
                "link" if each.kind == "link" else "file",
                0 if each.kind == "link" else real.mode,
                target,
            )
    return found


def test_mutations_are_taken_and_refused(taken: dict[Path, tuple[Entry, ...]]) -> None:
    assert MUTATIONS // 10 < len(taken) < MUTATIONS * 3 // 4


def test_dpkg_unpacks_what_we_read(taken: dict[Path, tuple[Entry, ...]], tmp_path: Path) -> None:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed (Debian package dpkg)")
    for path, entries in taken.items():
        root = tmp_path / path.stem
        done = subprocess.run(["dpkg-deb", "--extract", path, root], capture_output=True, check=False)
        assert done.returncode == 0, (path, done.stderr)
        assert unpacked(root) == shown(entries), path


def unpacked(root: Path) -> dict[str, tuple[str, int, str]]:
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = ("link", 0, os.readlink(path))  # noqa: PTH115  a Path drops `./`
        elif path.is_file():
            found[name] = ("file", path.stat().st_mode & 0o7777, recorded(path.read_bytes()))
    return found


def test_bsdtar_and_tarfile_read_what_we_read(taken: dict[Path, tuple[Entry, ...]]) -> None:
    if not shutil.which("bsdtar"):
        pytest.skip("bsdtar is not installed (Debian package libarchive-tools)")
    for path, entries in taken.items():
        _, data = next(member for member in _members(path.read_bytes()) if member[0].startswith("data.tar"))
        with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8") as archive:
            theirs = [(each.name.removeprefix("./"), each.mode & 0o7777, each.size) for each in archive if each.isreg()]
        ours = [(each.path, each.mode, each.size) for each in entries if each.kind == "file"]
        listed = subprocess.run(
            ["bsdtar", "-tf", "-"],
            input=data,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
        ).stdout.decode()
        plain = listed.replace("\\\\", "\\")  # as bsdtar prints it
        names = sorted(each.removeprefix("./").rstrip("/") for each in plain.splitlines())

        assert theirs == ours, path
        assert [each for each in names if each] == sorted(each.path for each in entries), path


def test_written_tar_says_what_was_read(taken: dict[Path, tuple[Entry, ...]]) -> None:
    for path in taken:
        entries = debian_packages_layer([path])
        output = io.BytesIO()
        stream.write_tar(entries, output)
        with tarfile.open(fileobj=io.BytesIO(output.getvalue()), encoding="utf-8") as archive:
            back = {each.name: (each.uid, each.gid, each.mode, each.linkname) for each in archive}

        assert back == {each.path: (each.uid, each.gid, each.mode, each.target) for each in entries}, path
