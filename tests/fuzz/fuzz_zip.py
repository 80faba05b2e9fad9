"""Zip files: what is taken, Python's own reader reads alike."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from hostile_zip import STREAMED, Member, descriptor, extra, members_of, wheel_files, zip_of
from onedigest.assembler import zip_directory
from onedigest.assembler.refusal import Refused

_END_RECORD = 22
_FILES = {"a/b.txt": b"hello " * 20, "s": b"stored", "ö": b""}


def _streamed() -> Member:
    member = Member(b"a/streamed", b"hello " * 9, flags=STREAMED)
    member.behind = descriptor(member)
    return member


def _wide() -> Member:
    member = Member(b"a/wide", b"hello " * 9, local={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF})
    member.local_extra = extra(1, struct.pack("<QQ", len(member.data), len(member.packed())))
    return member


SEEDS: tuple[bytes, ...] = (
    zip_of(members_of(_FILES)),
    zip_of(members_of(wheel_files()), comment=b"a comment"),
    zip_of([_streamed(), _wide(), Member(b"a/", b"", 0)], wide_end={}),
)
TOKENS: tuple[bytes, ...] = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"\xff\xff\xff\xff")
EXPECTED: tuple[type[Exception], ...] = (Refused,)


def run(data: bytes) -> None:
    path = Path("x-1.0-py3-none-any.whl")
    path.write_bytes(data)
    ours = {member.name: b"".join(member.pieces()) for member in zip_directory.read(path)}
    if data.rfind(b"PK\5\6") > len(data) - _END_RECORD:
        return  # a comment that ends so makes zipfile give up, and no reader see anything else
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        theirs = {each.filename: archive.read(each) for each in archive.infolist() if not each.is_dir()}
    assert ours == theirs
