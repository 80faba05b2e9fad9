"""RECORD of a wheel: what is read of an odd one, what is said of it, and what the image's one says."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.assembler.wheel_record import _hash
from wheel_builder import zip_bytes

NAME = "demo-1.0-py3-none-any.whl"
INFO = "demo-1.0.dist-info"
SITE = "opt/venv/lib/python3.13/site-packages"
FILES = {
    "demo/__init__.py": b"DEMO = 1\n",
    f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
CODE = FILES["demo/__init__.py"]
RAW = hashlib.sha256(CODE).digest()
HASH = base64.urlsafe_b64encode(RAW).decode().rstrip("=")
OTHER = base64.urlsafe_b64encode(hashlib.sha256(b"other").digest()).decode().rstrip("=")
TAKEN: Mapping[str, tuple[str, str]] = {
    "as the format has it": (f"demo/__init__.py,sha256={HASH},9", ""),
    "without a size": (f"demo/__init__.py,sha256={HASH},", ""),
    "quoted": (f'"demo/__init__.py","sha256={HASH}","9"', ""),
    "twice the same": (f"demo/__init__.py,sha256={HASH},9\ndemo/__init__.py,sha256={HASH},9", ""),
    "bytecode that is not there": (
        f"demo/__init__.py,sha256={HASH},9\ndemo/__pycache__/__init__.cpython-38.pyc,,",
        "",
    ),
    "a program beside site-packages": (f"demo/__init__.py,sha256={HASH},9\n../../Scripts/demo.exe,sha256=x,1", ""),
    "a file that is not there": (
        f"demo/__init__.py,sha256={HASH},9\ndemo/gone.py,sha256={OTHER},5\ndemo/lost.py,,",
        "lists 'demo/gone.py', which is not there, and is odd about 1 more file",
    ),
    "not at all": ("", "does not list demo/__init__.py"),
    "without a hash": ("demo/__init__.py,,9", "has no hash of demo/__init__.py"),
    "with its path alone": ("demo/__init__.py", "has no hash of demo/__init__.py"),
    "by md5": (
        "demo/__init__.py,md5=AAAAAAAAAAAAAAAAAAAAAA,9",
        "has no usable hash of demo/__init__.py ('md5=AAAAAAAAAAAAAAAAAAAAAA')",
    ),
    "by a hash that is too short": (
        f"demo/__init__.py,sha256={HASH[:-1]},9",
        f"has no usable hash of demo/__init__.py ('sha256={HASH[:33]}…')",
    ),
    "by hexadecimal digits": (
        f"demo/__init__.py,sha256={RAW.hex()},9",
        f"spells the hash of demo/__init__.py oddly ('sha256={RAW.hex()[:33]}…')",
    ),
    "by padded base64": (
        f"demo/__init__.py,sha256={HASH}=,9",
        f"spells the hash of demo/__init__.py oddly ('sha256={HASH[:33]}…')",
    ),
    "by plain base64": (
        f"demo/__init__.py,sha256={base64.b64encode(RAW).decode()},9",
        f"spells the hash of demo/__init__.py oddly ('sha256={base64.b64encode(RAW).decode()[:33]}…')",
    ),
    "by a loud algorithm": (
        f"demo/__init__.py,SHA256={HASH},9",
        f"spells the hash of demo/__init__.py oddly ('SHA256={HASH[:33]}…')",
    ),
    "from the folder": (f"./demo/__init__.py,sha256={HASH},9", "lists demo/__init__.py as './demo/__init__.py'"),
    "from the root": (f"/demo/__init__.py,sha256={HASH},9", "lists demo/__init__.py as '/demo/__init__.py'"),
    "as Windows has paths": (
        f"demo\\__init__.py,sha256={HASH},9",
        r"lists demo/__init__.py as 'demo\\__init__.py'",
    ),
    "with another size and hash": (
        f"demo/__init__.py,sha256={OTHER},5",
        "states 5 bytes for demo/__init__.py, which has 9",
    ),
    "with another size": (
        f"demo/__init__.py,sha256={HASH},5",
        "states 5 bytes for demo/__init__.py, which has 9",
    ),
    "before and after it was signed": (
        f"demo/__init__.py,sha256={OTHER},5\ndemo/__init__.py,sha256={HASH},9",
        "states 5 bytes for demo/__init__.py, which has 9",
    ),
    "with two hashes": (
        f"demo/__init__.py,sha256={OTHER},9\n./demo/__init__.py,sha256={HASH},9\ndemo/__init__.py,sha256={OTHER},",
        "states two hashes of demo/__init__.py",
    ),
    "with a size in words": (
        f"demo/__init__.py,sha256={HASH},nine",
        "has no row of three columns with a size for demo/__init__.py",
    ),
    "in two columns": (
        f"demo/__init__.py,sha256={HASH}",
        "has no row of three columns with a size for demo/__init__.py",
    ),
    "behind a byte order mark": (f"\ufeffdemo/__init__.py,sha256={HASH},9", ""),
}


def row(path: str, data: bytes) -> str:
    return f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"


def build(folder: Path, rows: str, end: str = "\n") -> Path:
    """Write a wheel whose RECORD has these rows on its one module."""
    rest = [row(path, data) for path, data in FILES.items() if path.startswith(INFO)]
    text = end.join([*([rows] if rows else []), *rest, f"{INFO}/RECORD,,", ""])
    path = folder / NAME
    path.write_bytes(zip_bytes({**FILES, f"{INFO}/RECORD": text.encode()}))
    return path


def content(entry: Entry) -> bytes:
    return entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("rows", "said"), TAKEN.values(), ids=TAKEN)
def test_file_is_taken_as_it_is_however_record_lists_it(rows: str, said: str, end: str, tmp_path: Path) -> None:
    warnings: list[str] = []
    entries = wheel_entries(build(tmp_path, rows, end), "3.13", tell=warnings.append)

    record = next(content(entry).decode() for entry in entries if entry.path == f"{SITE}/{INFO}/RECORD")
    assert warnings == ([f"{NAME}: RECORD {said}; the image has a RECORD of what is there"] if said else [])
    assert record.splitlines()[-1] == row("demo/__init__.py", CODE)
    assert [each[0] for each in csv.reader(record.splitlines())] == [
        *(f"{INFO}/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        "demo/__init__.py",
    ]


@pytest.mark.parametrize(
    "rows",
    [f"demo/__init__.py,sha256={OTHER},9", f"demo/__init__.py,sha256={hashlib.sha256(b'other').hexdigest()},"],
    ids=["as the format has it", "oddly spelled"],
)
def test_wrong_hash_is_refused_when_the_content_is_read(rows: str, tmp_path: Path) -> None:
    entries = wheel_entries(build(tmp_path, rows), "3.13")
    with pytest.raises(Refused) as caught:
        [content(entry) for entry in entries]

    assert str(caught.value) == f"{NAME}: demo/__init__.py: content does not match the hash in RECORD [hash]"


def test_wheel_without_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(zip_bytes(FILES))
    with pytest.raises(Refused) as caught:
        wheel_entries(tmp_path / NAME, "3.13")

    assert str(caught.value) == f"{NAME}: no RECORD [record]"


def test_content_without_a_hash_is_held_against_the_zip_file(tmp_path: Path) -> None:
    path = tmp_path / NAME
    record = f"{INFO}/METADATA,,\n".encode()
    whole = zip_bytes({**FILES, f"{INFO}/RECORD": record}, deflate=False)
    path.write_bytes(whole.replace(CODE, b"demo = 1\n", 1))
    with pytest.raises(Refused) as caught:
        wheel_entries(path, "3.13")

    assert str(caught.value) == f"{NAME}: demo/__init__.py: CRC-32 does not match [crc]"


def test_usual_spelling_of_a_hash_is_found_at_once() -> None:
    """The last character of 43 stands for four bits: with others set, it is an odd spelling of the same hash."""
    ends = [base64.urlsafe_b64encode(bytes(31) + bytes([number])).decode()[42] for number in range(16)]
    odd = [f"sha256={'A' * 42}{end}" for end in "BCD"]

    assert all(_hash(f"sha256={'A' * 42}{end}") == f"sha256={'A' * 42}{end}" for end in ends)
    assert [_hash(each) for each in odd] == [f"sha256={'A' * 43}"] * 3
