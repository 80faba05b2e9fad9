"""Wheels that two readers of zip files understand differently are refused; what is taken, all of them read alike."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from uv import find_uv_bin

from hostile_zip import STREAMED, Member, descriptor, extra, members_of, other_name, wheel_files, zip_of
from onedigest.assembler import zip_directory
from onedigest.assembler.layer import wheels_layer
from onedigest.assembler.refusal import Refused
from pythons import every_interpreter

NAME = "alpha-1.0-py3-none-any.whl"
FILES = wheel_files()
MUTATIONS = int(os.environ.get("ONEDIGEST_FUZZ_MUTATIONS", "250"))

Wheel = list[Member]


def first_with(**changes: object) -> bytes:
    members = members_of(FILES)
    for key, value in changes.items():
        setattr(members[0], key, value)
    return zip_of(members)


def inside_the_comment() -> bytes:
    evil = zip_of(members_of(wheel_files(word="EVIL")))
    start = len(evil)
    good = zip_of(members_of(FILES), prefix=evil + bytes(22), end={"note": 9})[start + 22 :]
    return evil[:-2] + struct.pack("<H", len(good)) + good


def second_end_record_that_is_too_short() -> bytes:
    return zip_of(members_of(FILES), comment=zip_of(members_of(wheel_files(word="EVIL"))) + b"zz")


def two_directories() -> bytes:
    members = members_of(FILES)
    return zip_of(members, wide_end={}, end={"count": 1, "here": 1, "length": 68, "start": 3})


def zip64(*values: int) -> bytes:
    return extra(1, struct.pack(f"<{'Q' * len(values)}", *values))


def streamed(**changes: object) -> bytes:
    members = members_of(FILES)
    members[0].flags = STREAMED
    members[0].behind = descriptor(members[0])
    for key, value in changes.items():
        setattr(members[0], key, value)
    return zip_of(members)


INIT = "alpha-1.0-py3-none-any.whl: alpha/__init__.py"
ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "an archive inside the comment": (
        inside_the_comment,
        f"{NAME}: its comment could be read as a record, or is too long [zip]",
    ),
    "an archive inside the comment, cut off": (
        second_end_record_that_is_too_short,
        f"{NAME}: its comment could be read as a record, or is too long [zip]",
    ),
    "a comment longer than some readers search": (
        lambda: zip_of(members_of(FILES), comment=b" " * 20000),
        f"{NAME}: its comment could be read as a record, or is too long [zip]",
    ),
    "two end records that differ": (two_directories, f"{NAME}: its two end records differ [zip]"),
    "a zip64 end record on several disks": (
        lambda: zip_of(members_of(FILES), wide_end={"disks": 2}),
        f"{NAME}: broken zip64 end record [zip]",
    ),
    "two zip64 fields": (
        lambda: first_with(central={"offset": 0xFFFFFFFF}, central_extra=zip64(0) + zip64(99)),
        f"{INIT}: two zip64 fields [zip]",
    ),
    "a zip64 field that is too long": (
        lambda: first_with(central={"offset": 0xFFFFFFFF}, central_extra=zip64(0, 99)),
        f"{INIT}: its zip64 field has other sizes than the header asks for [zip]",
    ),
    "a zip64 field that nobody asks for": (
        lambda: first_with(central_extra=zip64(1, 2)),
        f"{INIT}: its zip64 field has other sizes than the header asks for [zip]",
    ),
    "a zip64 field that the local header does not ask for": (
        lambda: first_with(local_extra=zip64(1, 2)),
        f"{INIT}: its zip64 field has other sizes than the header asks for [zip]",
    ),
    "an extra field that is cut off": (
        lambda: first_with(central_extra=struct.pack("<HH", 0x5455, 9) + b"x"),
        f"{INIT}: broken extra field [zip]",
    ),
    "another name in the directory": (
        lambda: first_with(central_extra=other_name(b"alpha/__init__.py", b"alpha/evil.py")),
        f"{INIT}: a second name in an extra field [name]",
    ),
    "the same name again": (
        lambda: first_with(central_extra=other_name(b"alpha/__init__.py", b"alpha/__init__.py")),
        f"{INIT}: a second name in an extra field [name]",
    ),
    "another name in the local header": (
        lambda: first_with(local_extra=other_name(b"alpha/__init__.py", b"alpha/evil.py")),
        f"{INIT}: a second name in an extra field [name]",
    ),
    "other attributes for streaming readers": (
        lambda: first_with(local_extra=extra(0x6C78, struct.pack("<BBHI", 5, 20, 0, 0o120777 << 16))),
        f"{INIT}: other attributes in an extra field [zip]",
    ),
    "a member that the directory does not have, before the others": (
        lambda: first_with(before=zip_of(members_of({"alpha/hidden.py": b"evil"}))[:53]),
        f"{NAME}: data before the first member [zip]",
    ),
    "data before the archive": (
        lambda: zip_of(members_of(FILES), prefix=b"#!/bin/sh\n"),
        f"{NAME}: data before the first member [zip]",
    ),
    "a member that the directory does not have, between others": (
        lambda: first_with(behind=zip_of(members_of({"alpha/hidden.py": b"evil"}))[:53]),
        f"{INIT}: data that belongs to no member follows it [zip]",
    ),
    "a member that the directory does not have, behind the others": (
        lambda: zip_of(members_of(FILES), between=zip_of(members_of({"alpha/hidden.py": b"evil"}))[:53]),
        f"{NAME}: alpha-1.0.dist-info/RECORD: data that belongs to no member follows it [zip]",
    ),
    "a data descriptor that lies": (
        lambda: streamed(behind=descriptor(Member(b"", b"evil"))),
        f"{INIT}: the data descriptor differs from the central directory [zip]",
    ),
    "a data descriptor that is missing": (
        lambda: streamed(behind=b""),
        f"{INIT}: the data descriptor differs from the central directory [zip]",
    ),
    "a local header that lies before a data descriptor": (
        lambda: streamed(local={"size": 5}),
        f"{INIT}: local header and central directory differ [zip]",
    ),
    "a file that is a folder for DOS": (
        lambda: first_with(attributes=0x10),
        f"{INIT}: not a regular file [type]",
    ),
    "a folder with hidden content": (
        lambda: zip_of([*members_of(FILES), Member(b"alpha/x/", b"", raw=b"evil" * 9)]),
        f"{NAME}: alpha/x/: a directory with content [type]",
    ),
    "a file and a folder": (
        lambda: zip_of([*members_of(FILES), Member(b"alpha/__init__.py/", b"", 0)]),
        f"{NAME}: alpha/__init__.py is a file and a directory [conflict]",
    ),
    "patched data": (
        lambda: first_with(flags=0x20),
        f"{INIT}: asks for a feature that not every reader has [zip]",
    ),
    "a version of the format that does not exist": (
        lambda: first_with(central={"version": 99}),
        f"{INIT}: asks for a feature that not every reader has [zip]",
    ),
    "a drive": (
        lambda: zip_of([*members_of(FILES), Member(b"C:x.py", b"x")]),
        f"{NAME}: path 'C:x.py' begins with a drive [name]",
    ),
}


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        zip_directory.read(path)
    return str(caught.value)


@pytest.mark.parametrize(("make", "said"), ATTACKS.values(), ids=ATTACKS)
def test_wheel_that_readers_understand_differently_is_refused(
    make: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    path = tmp_path / NAME
    path.write_bytes(make())

    assert refusal(path) == said


HONEST: dict[str, Callable[[], bytes]] = {
    "plain": lambda: zip_of(members_of(FILES)),
    "a comment": lambda: zip_of(members_of(FILES), comment=b"made by hand, PK"),
    "times and owners": lambda: first_with(
        local_extra=extra(0x5455, b"\3" + bytes(8)) + extra(0x7875, b"\1\4" + bytes(4) + b"\4" + bytes(4)),
        central_extra=extra(0x5455, b"\3" + bytes(4)),
    ),
    "data descriptor": streamed,
    "data descriptor without signature": lambda: streamed(
        behind=descriptor(members_of(FILES)[0], signed=False),
    ),
    "data descriptor of zip64": lambda: streamed(
        behind=descriptor(members_of(FILES)[0], wide=True),
        local={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF},
        local_extra=zip64(0, 0),
    ),
    "zip64 local header": lambda: first_with(
        local={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF},
        local_extra=zip64(len(FILES["alpha/__init__.py"]), len(members_of(FILES)[0].packed())),
    ),
    "zip64 offset": lambda: first_with(central={"offset": 0xFFFFFFFF}, central_extra=zip64(0)),
    "zip64 end record": lambda: zip_of(
        members_of(FILES), wide_end={}, end=dict.fromkeys(("here", "count"), 0xFFFF) | {"start": 0xFFFFFFFF}
    ),
    "folders": lambda: zip_of([Member(b"alpha/", b"", 0, attributes=(0o40755 << 16) | 0x10), *members_of(FILES)]),
    "a packed folder": lambda: zip_of([Member(b"alpha/", b"", raw=b"\3\0"), *members_of(FILES)]),
    "other order": lambda: zip_of(members_of(FILES)[::-1]),
    "made on Windows": lambda: first_with(central={"made": 0x0014}, attributes=0x20),
}


@pytest.mark.parametrize("make", HONEST.values(), ids=HONEST)
def test_wheel_as_tools_make_it_is_taken(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(make())

    assert ours(path) == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}


def ours(path: Path) -> dict[str, str]:
    return {member.name: hashlib.sha256(b"".join(member.pieces())).hexdigest() for member in zip_directory.read(path)}


def mutated(chance: random.Random) -> bytes:  # noqa: C901, PLR0912, PLR0915  one case for each kind of change
    """Return a wheel with one to three changes, each of which may be harmless."""
    names = [*FILES, "alpha/ö.py"]
    members = members_of({name: FILES.get(name, b"text\n" * 9) for name in names})
    place: dict[str, object] = {}
    for _ in range(chance.choice((1, 1, 2, 3))):
        each = chance.choice(members)
        raw, count = each.packed(), len(each.data)
        match chance.randrange(16):
            case 0:
                each.flags ^= 1 << chance.randrange(16)
            case 1:
                each.flags |= STREAMED
                each.behind = descriptor(each, signed=chance.random() < 0.6, wide=chance.random() < 0.3)
            case 2:
                field = chance.choice(
                    (
                        "crc",
                        "packed",
                        "size",
                        "method",
                        "flags",
                        "version",
                        "offset",
                        "disk",
                        "inner",
                        "time",
                        "date",
                        "made",
                    )
                )
                value = chance.choice((0, 1, 20, count, len(raw), 0xFFFF, chance.randrange(1 << 16)))
                if field != "made" or each.name.isascii():  # unzip takes such names for those of DOS, whatever is said
                    chance.choice((each.local, each.central))[field] = value
            case 3:
                each.local = {**each.local, "size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}
                each.local_extra += zip64(count, len(raw)) if chance.random() < 0.7 else zip64(count)
            case 4:
                each.central["size"] = 0xFFFFFFFF
                each.central_extra += zip64(count + chance.choice((0, 0, 1)))
            case 5:
                each.central_extra += chance.choice(
                    (zip64(count), extra(0x5455, b"\3" + bytes(4)), extra(0x7875, b"\1\4" + bytes(8)), b"\0\0")
                )
            case 6:
                each.local_extra += chance.choice(
                    (extra(0x5455, b"\3" + bytes(8)), other_name(each.name, each.name), other_name(each.name, b"x"))
                )
            case 7:
                each.central_extra += other_name(each.name, chance.choice((each.name, b"", b"evil.py")))
            case 8:
                chance.choice((each.name, each.name))
                each.name = chance.choice(
                    (
                        each.name + b"/",
                        b"./" + each.name,
                        each.name.upper(),
                        b"alpha",
                        each.name + b"\0x",
                        each.name.replace(b"/", b"//"),
                        each.name + b" ",
                        each.name + b".",
                    )
                )
            case 9:
                each.attributes = chance.choice(
                    (0, 0x10, 0x20, 0o120777 << 16, 0o40755 << 16, 0o755 << 16, chance.randrange(1 << 32))
                )
            case 10:
                setattr(
                    each,
                    chance.choice(("before", "behind")),
                    chance.choice((b"", b"\0", b"PK\3\4" + bytes(26), descriptor(each))),
                )
            case 11:
                each.raw = raw[:-1] if chance.random() < 0.3 else raw + chance.choice((b"", b"\0", b"PK"))
            case 12:
                chance.shuffle(members)
            case 13:
                comments = (b"", b"note", b"PK\5\6" + bytes(18), zip_of([each]), bytes(chance.randrange(6000)))
                place["comment"] = chance.choice(comments)
            case 14:
                place["wide_end"] = chance.choice(({}, {}, {"count": 1}, {"start": 0}, {"where": 7}))
            case 15:
                field = chance.choice(("disk", "first", "here", "count", "length", "start", "note"))
                place["end"] = {field: chance.choice((0, 1, len(members), 0xFFFF))}
    data = zip_of(members, **place)  # type: ignore[arg-type]  # as they were chosen
    if chance.random() < 0.15:
        changed = bytearray(data)
        changed[chance.randrange(len(data))] = chance.randrange(256)
        data = bytes(changed)
    return data


READ_ALL = """
import hashlib, json, sys, zipfile
found = {}
for path in sys.argv[1:]:
    try:
        with zipfile.ZipFile(path) as archive:
            rows = [each for each in archive.infolist() if not each.filename.endswith("/")]
            found[path] = {each.filename: hashlib.sha256(archive.read(each)).hexdigest() for each in rows}
    except Exception as error:
        found[path] = repr(error)
print(json.dumps(found))
"""

UNPACK_BY_PIP = """
import sys
from pathlib import Path
from pip._internal.utils.unpacking import unzip_file
for path in sys.argv[2:]:
    unzip_file(path, str(Path(sys.argv[1]) / Path(path).parent.name), flatten=False)
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, str]]:
    """Mutations of a wheel that our reader takes, with what it reads."""
    folder, chance = (
        tmp_path_factory.mktemp("mutations"),
        random.Random(int(os.environ.get("ONEDIGEST_FUZZ_SEED", "13"))),
    )
    found: dict[Path, dict[str, str]] = {}
    for number in range(MUTATIONS):
        path = folder / str(number) / NAME
        path.parent.mkdir()
        path.write_bytes(mutated(chance))
        try:
            found[path] = ours(path)
        except Refused:
            shutil.rmtree(path.parent)
    for name, make in HONEST.items():
        path = folder / name.replace(" ", "-") / NAME
        path.parent.mkdir()
        path.write_bytes(make())
        found[path] = ours(path)
    return found


def differences(taken: dict[Path, dict[str, str]], theirs: Callable[[Path], object]) -> list[str]:
    return [f"{path}: {theirs(path)}" for path, read in taken.items() if theirs(path) != read]


def test_mutations_are_taken_and_refused(taken: dict[Path, dict[str, str]]) -> None:
    assert MUTATIONS // 10 < len(taken) < MUTATIONS * 3 // 4


@pytest.mark.parametrize("python", every_interpreter())
def test_zipfile_reads_what_we_read(python: str, taken: dict[Path, dict[str, str]]) -> None:
    done = subprocess.run(
        [python, "-c", READ_ALL, *map(str, taken)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    found = json.loads(done.stdout)

    assert differences(taken, lambda path: found[str(path)]) == []


@pytest.mark.parametrize(
    ("program", "package", "arguments"),
    [("unzip", "unzip", ("-qq", "-o", "{}", "-d", "out")), ("bsdtar", "libarchive-tools", ("-xf", "{}", "-C", "out"))],
)
def test_other_programs_unpack_what_we_read(
    program: str, package: str, arguments: tuple[str, ...], taken: dict[Path, dict[str, str]], tmp_path: Path
) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed (Debian package {package})")
    unpacked: dict[Path, object] = {}
    for path in taken:
        output = tmp_path / path.parent.name / "out"
        output.mkdir(parents=True)
        filled = [each.format(path) for each in arguments]
        done = subprocess.run(
            [program, *filled],
            cwd=output.parent,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        unpacked[path] = listed(output) if done.returncode == 0 else done.stderr
    assert differences(taken, unpacked.__getitem__) == []


def listed(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_pip_unpacks_what_we_read(taken: dict[Path, dict[str, str]], tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", UNPACK_BY_PIP, str(tmp_path), *map(str, taken)], check=True)

    assert differences(taken, lambda path: listed(tmp_path / path.parent.name)) == []


def test_uv_installs_what_we_put_into_a_layer(taken: dict[Path, dict[str, str]], tmp_path: Path) -> None:
    chosen = [path for path in taken if len(path.parent.name) > 3 or int(path.parent.name) % 5 == 0]
    for path in chosen:
        try:
            entries = wheels_layer([path], "3.13")
        except Refused:
            continue
        site = "opt/venv/lib/python3.13/site-packages/"
        expected = {
            entry.path.removeprefix(site): entry.digest
            for entry in entries
            if entry.kind == "file" and not entry.path.endswith(("/RECORD", "/INSTALLER"))
        }
        target = tmp_path / path.parent.name
        subprocess.run(
            [
                find_uv_bin(),
                "pip",
                "install",
                "--quiet",
                "--no-config",
                "--offline",
                "--no-cache",
                "--no-deps",
                "--no-index",
                "--target",
                target,
                path,
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            check=True,
        )
        found = {
            name
            for name in listed(target)
            if not name.endswith(("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", ".lock", "/uv_cache.json"))
        }
        assert found == set(expected), path
