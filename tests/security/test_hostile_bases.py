"""Base images of anybody: what their layers and settings say is checked before it comes into a lock or a Dockerfile."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from base_images import Files, elf, make_tar, python_files
from golden import expected_files
from onedigest.assembler.descriptor import Descriptor
from onedigest.debian.index import installed
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.digest import Digest, of_bytes
from onedigest.errors import InputError
from onedigest.lock import text as lock_text
from onedigest.lock.base import image_choice
from onedigest.lock.base.account import find_account
from onedigest.lock.base.image import ImageBase
from onedigest.lock.base.probe import EXAMINER, glibc_version, list_pythons
from onedigest.lock.base.proof import other_files
from onedigest.lock.model import Lock
from onedigest.oci.read import ReadPlatform
from onedigest.oci.rootfs import Rootfs, read_rootfs
from onedigest.platforms import BY_NAME
from onedigest.store import Store

PLAIN = "application/vnd.oci.image.layer.v1.tar"
AMD64 = "linux/amd64"
OWN = "nonroot:*:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin"
IMAGE: Lock = lock_text.loads(expected_files("image")["pylock.toml"], "pylock.toml")
NONE = Digest("sha256:" + "0" * 64)


def described(data: bytes, kind: str = PLAIN, diff_id: Digest | None = None) -> Descriptor:
    return Descriptor(diff_id or of_bytes(data), of_bytes(data), len(data), kind)


def read(folder: Path, *tars: bytes, kind: str = PLAIN) -> Rootfs:
    layers = []
    for tar in tars:
        path = folder / of_bytes(tar)[7:19]
        path.write_bytes(tar)
        layers.append((described(tar, kind), path))
    return read_rootfs(layers, EXAMINER, Store(folder / "store"))


def header(name: str, size: int | bytes = 0, kind: bytes = b"0", *, mode: bytes = b"0000644\0") -> bytes:
    """Return a header with a right checksum; bytes are put in as they are."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size if isinstance(size, int) else 0, kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")[-512:])
    block[100:108] = mode.ljust(8, b"\0")
    if isinstance(size, bytes):
        block[124:136] = size.ljust(12, b"\0")
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(*records: bytes) -> bytes:
    data = b"".join(records)
    return header("x", len(data), b"x") + data.ljust(-(-len(data) // 512) * 512, b"\0")


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(str(length)) + len(key) + len(value) + 3 != length:
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


END = bytes(1024)


@pytest.mark.parametrize(
    ("tar", "said"),
    [
        (b"", "no archive: it is empty"),
        (b"x" * 512, "no archive: a number in a header is broken"),
        (b"x" * 100, "no archive: it ends too early"),
        (header("a") + b"y" * 512, "no archive: a number in a header is broken"),
        (header("a", 1000) + bytes(512), "no archive: it ends too early"),
        (header("a", 5) + b"hello", "no archive: it ends too early"),
        (header("a", size=b"\xff" * 12), "no archive: a number in a header is broken"),
        (header("a", size=b"\x80" + b"\xff" * 11), "no archive: a number in a header is broken"),
        (header("a", size=b"0o17"), "no archive: a number in a header is broken"),
        (header("a", size=b"1_0"), "no archive: a number in a header is broken"),
        (header("a", mode=b"rwx"), "no archive: a number in a header is broken"),
        (header("a", size=b"77777777777") + END, "no archive: it ends too early"),
        (pax(b"9" * 5000 + b" path=a\n") + header("a") + END, "no archive: it has a broken pax header"),
        (pax(b"0 path=a\n") + header("a") + END, "no archive: it has a broken pax header"),
        (pax(b"99999 path=a\n") + header("a") + END, "no archive: it has a broken pax header"),
        (pax(b"11 path=abc\n") + header("a") + END, "no archive: it has a broken pax header"),
        (pax(record(b"size", b"9" * 5000)) + header("a") + END, "no archive: a number in a pax header is broken"),
        (pax(record(b"size", b"-1")) + header("a") + END, "no archive: a number in a pax header is broken"),
        (pax(record(b"uid", b"1e9")) + header("a") + END, "no archive: a number in a pax header is broken"),
        (pax(record(b"path", b"a\0b")) + header("a") + END, "no archive: it has a path with a zero byte"),
        (pax(record(b"path", b"a" * 5000)) + header("a") + END, "no archive of ours: it has a path of more than 4096 bytes"),
        (pax(record(b"linkpath", b"a" * 5000)) + header("a", 0, b"2") + END, "no archive of ours: it has a path of more than 4096 bytes"),
        (pax(record(b"GNU.sparse.realsize", b"x")) + header("a") + END, "no archive: a number in a pax header is broken"),
        (pax(record(b"path", b"a")), "no archive: it ends too early"),
        (header("x", 0, b"L") * 3, "no archive: it ends too early"),
        (header("a/" * 40 + "b") + pax(record(b"path", b"a/" * 300)) + header("b") + END, "no archive of ours: it has a file below more than 256 folders"),
        (header("etc/os-release", 70_000) + bytes(70_144) + END, "no layer of ours: its /etc/os-release has more than 65536 bytes"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_archive_of_odd_form_is_refused(tar: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, tar)

    assert str(caught.value) == f"the layer {of_bytes(tar)} is {said}"


def test_very_many_long_names_in_a_row_are_no_recursion(tmp_path: Path) -> None:
    root = read(tmp_path, header("x", 0, b"L") * 5000 + header("a") + END)

    assert root.find("a")


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("+gzip", make_tar({"a": b""}), "not gzip: Error -3 while decompressing data: incorrect header check"),
        ("+gzip", gzip.compress(make_tar({"a": b""}))[:-5], "not gzip: it ends too early"),
        ("+zstd", make_tar({"a": b""}), "not zstd: Unable to decompress Zstandard data: Unknown frame descriptor"),
        ("+zstd", b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(20), "not zstd: Unable to decompress Zstandard data: Frame requires too much memory for decoding"),
        ("", gzip.compress(make_tar({"a": b""})), "no archive"),
    ],
    ids=["no-gzip", "cut", "no-zstd", "window", "gzip-as-plain"],
)  # fmt: skip
def test_compression_of_another_kind_is_refused(kind: str, data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data, kind=PLAIN + kind)

    assert f"the layer {of_bytes(data)} is {said}" in str(caught.value)


def test_layer_with_another_diff_id_is_refused_after_a_right_one_was_read(tmp_path: Path) -> None:
    """A note of what a layer holds proves the diff ID that it was read with, and no other."""
    tar = make_tar({"a": b""})
    (tmp_path / "layer").write_bytes(tar)
    store = Store(tmp_path / "store")
    read_rootfs([(described(tar), tmp_path / "layer")], EXAMINER, store)
    with pytest.raises(InputError, match="has the diff ID"):
        read_rootfs([(described(tar, diff_id=NONE), tmp_path / "layer")], EXAMINER, store)


def test_chains_of_links_end(tmp_path: Path) -> None:
    links = {f"l{number}": f"l{number + 1}" for number in range(100)}
    long = {f"d{number}": "./" * 2000 + f"d{number + 1}" for number in range(39)}
    root = read(tmp_path, make_tar({**links, **long, "self": "self/x", "up": "../" * 1000 + "etc", "etc/x": b""}))

    assert root.find("l0") is None
    assert root.find("d0") is None
    assert root.find("self") is None
    assert (root.find("up/x") or ("",))[0] == "etc/x"


def program(*tables: bytes, offset: int = 64, size: int = 56, count: int | None = None) -> bytes:
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1)
    head += struct.pack("<QQQIHHHHHH", 0, offset, 0, 0, 64, size, len(tables) if count is None else count, 0, 0, 0)
    return head + b"".join(tables)


@pytest.mark.parametrize(
    "data",
    [
        program(offset=(1 << 64) - 1, count=65535),
        program(size=0, count=65535),
        program(struct.pack("<IIQQQQQQ", 3, 4, 1 << 63, 0, 0, 1 << 63, 0, 1)),
        program(struct.pack("<IIQQQQQQ", 3, 4, 0, 0, 0, 1 << 40, 0, 1)),
        program(count=65535),
        b"\x7fELF\x02\x01",
        b"\x7fELF\x02\x01" + b"\xff" * 100,
        elf(AMD64, "\0".join(f"3.12.{number}" for number in range(200))),
        elf(AMD64, "3.12." + "9" * 5000),
        elf(AMD64, "3.12.4; rm -rf /"),
    ],
    ids=["far", "same", "beyond", "long", "short", "magic", "ones", "many", "digits", "command"],
)
def test_hostile_program_tells_no_version(data: bytes, tmp_path: Path) -> None:
    files: Files = {"bin/python3.12": data, "bin/python3": "python3.12"}

    assert list_pythons(read(tmp_path, make_tar(files)), "/bin") == []


@pytest.mark.parametrize("text", ['"3.12.4\\nRUN x"', '"3.x"', '"3.12.4\n"', '"3.12.' + "9" * 5000 + '"', '"3.é"'])
def test_hostile_header_tells_no_version(text: str, tmp_path: Path) -> None:
    files = {
        "bin/python3.12": elf(AMD64, "nothing"),
        "include/python3.12/patchlevel.h": f"#define PY_VERSION {text}\n".encode("latin-1"),
    }

    assert list_pythons(read(tmp_path, make_tar(files)), "/bin") == []


def test_interpreter_outside_of_the_root_is_not_found(tmp_path: Path) -> None:
    files: Files = {"bin/python3": "/proc/self/root/usr/bin/python3", "usr/local/bin/python3": "../../../../../bin/sh"}

    assert list_pythons(read(tmp_path, make_tar(files)), "/bin:/usr/local/bin:" + ":".join(map(str, range(5000)))) == []


def test_glibc_of_thousands_of_digits_is_none(tmp_path: Path) -> None:
    files = {"lib/libc.so.6": elf(AMD64, "stable release version " + "9" * 5000 + "." + "9" * 5000)}

    assert glibc_version(read(tmp_path, make_tar(files)), 62) == ""


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Package: alpha\nVersion: " + "9" * 5000 + "\n", "the version '" + "9" * 80 + "' of its Debian package `alpha` is none"),
        ("Package: alpha\nVersion: 1\x1b[31m\n", "the version '1\\x1b[31m' of its Debian package `alpha` is none"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_status_with_odd_versions_is_refused(status: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        installed(status)

    assert str(caught.value) == said


def test_status_with_very_many_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onedigest.debian.index._MOST_INSTALLED", 10)
    with pytest.raises(InputError, match="it has more than 10 Debian packages"):
        installed("\n".join(f"Package: p{number}\nVersion: 1\n" for number in range(11)))


def test_epochs_and_versions_of_any_form_are_compared() -> None:
    from onedigest.debian import versions

    odd = ("9" * 5000, "x:1", "1:" + "9" * 5000 + "-1", "²:³", "a:b:c", ":", "-", "~", "")
    for first in odd:
        assert not versions.satisfies(first, "<<", first)
        for second in odd:
            versions.satisfies(first, ">=", second)


def spec() -> Spec:
    text = b'# /// script\n# requires-python = ">=3.11"\n# dependencies = []\n# ///\n'
    return specify(parse(text, "app.py"), Project(root=Path("/")), "app.py")


def looked(folder: Path, settings: Mapping[str, Any], files: Files) -> str:
    """Return what is said of a base with these settings and files."""
    platform = ReadPlatform(
        platform=AMD64,
        manifest=NONE,
        config_digest=NONE,
        config={"config": settings},
        layers=(),
    )
    root = read(folder, make_tar({**python_files(AMD64), **files}))
    with pytest.raises(InputError) as caught:
        image_choice._look(spec(), "example.com/base:1", BY_NAME[AMD64], platform, root)
    return "\n".join(each.message for each in caught.value.problems)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"Env": ["A\nRUN=x"]}, "its variable 'A\\nRUN' has no plain name"),
        ({"Env": ["A B=x"]}, "its variable 'A B' has no plain name"),
        ({"Env": ["A=x\x1b[31m"]}, "its variable `A` is 'x\\x1b[31m', which holds a control character"),
        ({"Env": ["PATH=/usr/local/bin:/x\nRUN y"]}, "its variable `PATH` is '/usr/local/bin:/x\\nRUN y', which holds a control character"),
        ({"Labels": {"a\nb": "c"}}, "its label 'a\\nb' is 'a\\nb', which holds a control character"),
        ({"Labels": {"a": "\x9b31m"}}, "its label 'a' is '\\x9b31m', which holds a control character"),
        ({"Env": ["A B=x"], "Labels": {"a": "\x9b"}}, "its variable 'A B' has no plain name\n* its label 'a' is '\\x9b', which holds a control character"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_settings_that_reach_a_lock_are_plain(settings: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    expected = [f"the base example.com/base:1, linux/amd64: {each}" for each in said.split("\n* ")]

    assert looked(tmp_path, settings, {}) == "\n".join(expected)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('ID="a b"', "ID"),
        ("ID=debian\x1b[31m", "ID"),
        ("ID=debian\nVERSION_CODENAME=../../x", "VERSION_CODENAME"),
        ("ID=x\nVERSION_ID=" + "9" * 500, "VERSION_ID"),
        ("ID=\u202egnp", "ID"),
    ],
)
def test_names_of_a_system_are_plain(text: str, key: str, tmp_path: Path) -> None:
    said = looked(tmp_path, {}, {"usr/lib/os-release": text.encode() + b"\n"})

    assert said.startswith(f"the base example.com/base:1, linux/amd64: in its os-release, `{key}` is ")
    assert said.endswith(", which is not a plain name")


@pytest.mark.parametrize("folder", ["opt/a b", "opt/$(x)", 'opt/"', "opt/`x`", "opt/é"])
def test_path_of_an_interpreter_is_plain(folder: str, tmp_path: Path) -> None:
    files = {f"{folder}/python3": elf(AMD64, "3.12.4"), f"{folder}/python3.12": elf(AMD64, "3.12.4")}
    said = looked(tmp_path, {"Env": [f"PATH=/{folder}"]}, files)

    assert said.startswith("the base example.com/base:1, linux/amd64: the path of its Python is ")
    assert said.endswith(", which is not a plain absolute path")


def test_labels_of_several_lines_are_taken() -> None:
    assert list(image_choice._unwritable({"Env": ["A=b\tc"], "Labels": {"about": "one\ntwo"}, "User": "app:app"})) == []


def quadratic() -> Iterator[tuple[str, list[str]]]:
    yield "files", ["a/" * 40 + str(number) for number in range(2000)]
    for number in range(60):
        yield f"layer {number}", [f".wh.nothing{number}"]


def test_whiteouts_cost_what_they_take_away(tmp_path: Path) -> None:
    import time

    tars = [make_tar(dict.fromkeys(names, b"")) for _, names in quadratic()]
    before = time.process_time()
    root = read(tmp_path, *tars)

    assert root.find("a/" * 40 + "7")
    assert time.process_time() - before < 1


def test_names_that_are_no_utf_8_are_listed(tmp_path: Path) -> None:
    from onedigest.oci.read import ReadLayer, list_files

    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w", encoding="utf-8", errors="surrogateescape") as archive:
        archive.addfile(tarfile.TarInfo("a\udcff"))
    path = tmp_path / "layer"
    path.write_bytes(text.getvalue())
    layer = ReadLayer(holds="", digest=NONE, size=len(text.getvalue()), diff_id=NONE, media_type=PLAIN)

    assert [each.path for each in list_files(path, layer)] == ["a\\xff"]


@pytest.mark.parametrize(
    "changed",
    [
        {"passwd": ("root:*:0:0:::", "me:*:0:7:::", OWN)},
        {"passwd": (OWN,)},
        {"passwd": ()},
        {"home": "/etc", "has_home": True, "passwd": ()},
        {"group": ()},
    ],
    ids=["superuser", "nobody else", "not added", "home", "group"],
)
def test_account_that_a_lock_states_is_that_of_the_layers(changed: Mapping[str, Any], tmp_path: Path) -> None:
    """A layer that was read on this machine tells without a network what is there; another one is not brought."""
    tar = make_tar({"etc/passwd": b"root:*:0:0:::\nme:*:7:7:::\n", "etc/group": b"root:*:0:\n"})
    account = find_account(read(tmp_path, tar), "65532:65532")
    assert isinstance(IMAGE.base, ImageBase)
    image = replace(IMAGE.base.images[0], layers=(described(tar),), account=account)
    honest = replace(IMAGE.base, images=(image,))
    forged = replace(honest, images=(replace(image, account=replace(account, **changed)),))
    store = Store(tmp_path / "store")

    assert list(other_files(honest, "65532:65532", store)) == []
    assert list(other_files(forged, "65532:65532", store)) == [
        "linux/amd64: the account of its user in the lock is not its own"
    ]
    assert list(other_files(forged, "65532:65532", Store(tmp_path / "other"))) == []
