"""Wheels that cost too much, crash a reader, or pretend: each is refused with a reason, within bounds."""

from __future__ import annotations

import resource
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from hostile_zip import Member, members_of, record, wheel_files, zip_of
from onedigest.assembler import stream
from onedigest.assembler.layer import wheels_layer
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.oci.libdeflate import Budget, Inflater

NAME = "alpha-1.0-py3-none-any.whl"
INFO = "alpha-1.0.dist-info"


def wheel(**texts: bytes) -> bytes:
    """Return a wheel with other texts in its .dist-info, and the RECORD that belongs to them."""
    files = {name: data for name, data in wheel_files().items() if not name.endswith("/RECORD")}
    files |= {f"{INFO}/{name}": data for name, data in texts.items() if name != "RECORD"}
    rows = record(files, f"{INFO}/RECORD") + texts.get("RECORD", b"")
    return zip_of(members_of({**files, f"{INFO}/RECORD": rows}))


def with_files(files: dict[str, bytes]) -> bytes:
    every = {name: data for name, data in wheel_files().items() if not name.endswith("/RECORD")} | files
    return zip_of(members_of({**every, f"{INFO}/RECORD": record(every, f"{INFO}/RECORD")}))


def metadata(text: bytes) -> bytes:
    return wheel(METADATA=text)


@cache
def packed_zeros() -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(bytes(64 << 20)) + compressor.flush()


def bomb(said: int) -> bytes:
    """Return a wheel with a member of 64 MiB that says it has another size."""
    content, raw = bytes(64 << 20), packed_zeros()
    member = Member(b"alpha/bomb", b"", raw=raw)
    for side in (member.local, member.central):
        side |= {"crc": zlib.crc32(content), "size": said}
    files = {name: data for name, data in wheel_files().items() if not name.endswith("/RECORD")}
    digest = record({"alpha/bomb": content}, "x").split(b",")[1]
    rows = record(files, f"{INFO}/RECORD") + b"alpha/bomb,%s,%d\n" % (digest, said)
    return zip_of([*members_of({**files, f"{INFO}/RECORD": rows}), member])


IDENTITY = f"{NAME}: holds {{}}, alpha 1.0 is expected [identity]"
ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a version of 5,000 digits": (
        lambda: metadata(b"Metadata-Version: 2.1\nName: alpha\nVersion: " + b"1" * 5000 + b"\n"),
        IDENTITY.format(f"alpha {'1' * 5000}"),
    ),
    "a version of other digits": (
        lambda: metadata("Metadata-Version: 2.1\nName: alpha\nVersion: \N{ARABIC-INDIC DIGIT ONE}.0\n".encode()),
        IDENTITY.format("alpha \N{ARABIC-INDIC DIGIT ONE}.0"),
    ),
    "two names": (
        lambda: metadata(b"Metadata-Version: 2.1\nName: alpha\nName: evil\nVersion: 1.0\n"),
        f"{NAME}: {INFO}/METADATA: Name is there twice [wheel]",
    ),
    "a name on a line of another kind": (
        lambda: metadata(b"Metadata-Version: 2.1\nX: y\rName: evil\nName: alpha\nVersion: 1.0\n"),
        f"{NAME}: {INFO}/METADATA: Name is there twice [wheel]",
    ),
    "headers that end for some readers": (
        lambda: metadata(b"Metadata-Version: 2.1\nX: y\r\rz: a\nName: alpha\nVersion: 1.0\n"),
        f"{NAME}: {INFO}/METADATA: carriage returns that readers understand differently [wheel]",
    ),
    "a name that goes on": (
        lambda: metadata(b"Metadata-Version: 2.1\nName: alpha\n beta\nVersion: 1.0\n"),
        IDENTITY.format("alpha\n beta 1.0"),
    ),
    "a name behind what is no header": (
        lambda: metadata(b"Metadata-Version: 2.1\nno header\nName: alpha\nVersion: 1.0\n"),
        f"{NAME}: its METADATA does not begin with headers that have Name and Version [identity]",
    ),
    "20,000 entry points": (
        lambda: wheel(
            **{"entry_points.txt": b"[console_scripts]\n" + b"".join(b"x%d = a:b\n" % each for each in range(20_000))}
        ),
        f"{NAME}: more than 10000 entry points [limit]",
    ),
    "a second .dist-info by way of .data": (
        lambda: with_files({"alpha-1.0.data/purelib/pip-24.0.dist-info/METADATA": b"x"}),
        f"{NAME}: alpha-1.0.data/purelib/pip-24.0.dist-info/METADATA: would belong to a second .dist-info directory [wheel]",
    ),
    "a second .dist-info by way of the prefix": (
        lambda: with_files({"alpha-1.0.data/data/lib/python3.13/site-packages/pip-24.0.dist-info/METADATA": b"x"}),
        f"{NAME}: alpha-1.0.data/data/lib/python3.13/site-packages/pip-24.0.dist-info/METADATA: would belong to a second .dist-info directory [wheel]",
    ),
    "its own RECORD by way of .data": (
        lambda: with_files({f"alpha-1.0.data/purelib/{INFO}/RECORD": b"x"}),
        f"{NAME}: alpha-1.0.data/purelib/{INFO}/RECORD: would belong to a second .dist-info directory [wheel]",
    ),
    "a field of RECORD that has no end": (
        lambda: wheel(RECORD=b'"' + b"x" * (1 << 20)),
        f"{NAME}: RECORD is not valid CSV (field larger than field limit (131072)) [record]",
    ),
    "half a million rows": (
        lambda: with_record(b"x\n" * 500_000),
        f"{NAME}: more than 400000 rows in RECORD [limit]",
    ),
    "250,000 folders": (
        lambda: zip_of(members_of({**wheel_files(), **{f"{each:x}/" * 50 + "x": b"" for each in range(5000)}})),
        f"{NAME}: more than 200000 folders, or 67108864 bytes of their names [limit]",
    ),
}


def with_record(content: bytes) -> bytes:
    """Return a wheel whose RECORD is packed well."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = compressor.compress(content) + compressor.flush()
    return zip_of([*members_of(wheel_files())[:-1], Member(f"{INFO}/RECORD".encode(), content, raw=raw)])


@pytest.mark.parametrize(("make", "said"), ATTACKS.values(), ids=ATTACKS)
def test_hostile_wheel_is_refused(make: Callable[[], bytes], said: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(make())
    with pytest.raises(Refused) as caught:
        wheels_layer([path], "3.13")

    assert str(caught.value) == said


ENDLESS = {
    "four million empty rows": (b"\n" * (4 << 20), "does not list alpha/__init__.py, and is odd about 3 more files"),
    "rows about nothing": (b"x\n" * 100_000, "does not list alpha/__init__.py, and is odd about 100003 more files"),
}


@pytest.mark.parametrize(("content", "said"), ENDLESS.values(), ids=ENDLESS)
def test_endless_record_is_one_warning(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(with_record(content))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    warnings: list[str] = []
    wheel_entries(path, "3.13", tell=warnings.append)

    assert warnings == [f"{NAME}: RECORD {said}; the image has a RECORD of what is there"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


@pytest.mark.parametrize("said", [0, 10, 1 << 31])
@pytest.mark.parametrize("budget", [0, 300 << 20])
def test_member_is_not_inflated_beyond_its_size(said: int, budget: int, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(bomb(said))
    inflater = Inflater(Budget.of_threads(budget)) if budget else None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match=r"inflates beyond the declared|bytes, 2147483648 declared"):
        stream.write(wheels_layer([path], "3.13", inflater))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_pipe_is_no_wheel(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / NAME)
    with pytest.raises(Refused) as caught:
        wheels_layer([tmp_path / NAME], "3.13")

    assert str(caught.value) == f"{NAME}: not a regular file [zip]"


@pytest.mark.parametrize(
    "text",
    [
        b"Metadata-Version: 2.1\r\nName: alpha\r\nVersion: 1.0\r\nSummary: a\r\r\n\r\nName: other\r\n",
        b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\nLicense: a\n\tb\n        c\nClassifier: x\nClassifier: y\n\nbody\rbody",
        b"Metadata-Version: 2.1\nName: Alpha\nVersion: 1\n",
    ],
    ids=["lines of Windows", "folded lines", "other spelling"],
)
def test_metadata_as_tools_write_it_is_taken(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(metadata(text))

    assert wheels_layer([path], "3.13")
