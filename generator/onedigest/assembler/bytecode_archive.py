"""The reading of bytecode that was compiled elsewhere: a canonical tar of plain `.pyc` files, and of nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from onedigest.assembler.disk_file import open_file
from onedigest.assembler.encoded import inflated
from onedigest.assembler.entry import Entry, check_path, merge
from onedigest.assembler.refusal import Refused
from onedigest.assembler.spool import Spool
from onedigest.assembler.stream import Stream, write_tar
from onedigest.assembler.tar_source import BLOCK, TarSource

HEADER = 16
"""What precedes the code: four bytes each of magic and flags, and eight of the source's hash (PEP 552)."""

UNCHECKED, CHECKED = 1, 3
"""The flags of bytecode that knows its source by a hash, which Python does not compare, or does."""

MOST_BYTES = 2 << 30
MOST_FILE = 256 << 20
MOST_ENTRIES = 1 << 18

_PYC = re.compile(r"((?:.*/)?)__pycache__/([^/]+)\.cpython-3[0-9]{1,2}\.pyc", re.DOTALL)
_PATH_RECORD = re.compile(rb"[0-9]{1,4} path=([^\0\n]+)\n")
_LONG_NAME = 8192
_OCTAL = re.compile(rb"([0-7]+)\0")
_NUMBERS = ((100, 108), (108, 116), (116, 124), (124, 136))
"""Where a header has mode, owner, group and size."""
_KINDS = {b"0": "file", b"5": "dir"}
_MAGIC_END = b"\r\n"
_PIECE = 1 << 20


def read_bytecode(archive: Path) -> list[Entry]:
    """Return the entries of a gzip archive, which are folders and bytecode, in the very form that layers have.

    A file may be empty: Python then compiles the source. Raises `Refused` (`bytecode`, `encoded`, `name`, `limit`).
    """
    name = archive.name
    with open_file(archive) as given:
        plain = Stream()
        pieces = plain.passed(inflated(iter(lambda: given.read(_PIECE), b""), name))
        entries = list(_entries(TarSource(pieces, name, MOST_BYTES, "bytecode"), name))
    _check_folders(entries, name)
    if plain.finish() != write_tar(entries)[0]:
        raise Refused("bytecode", f"{name}: its archive is not written as layers are")
    return entries


def source_path(path: str) -> str:
    """Return the path of the source of bytecode, or nothing for the path of what is none (PEP 3147)."""
    found = _PYC.fullmatch(path)
    return f"{found[1]}{found[2]}.py" if found else ""


def _entries(source: TarSource, name: str) -> Iterator[Entry]:
    spool, left = Spool(), MOST_ENTRIES
    while (block := source.take(BLOCK)).strip(b"\0"):
        left -= 1
        if not left:
            raise Refused("limit", f"{name}: it has more than {MOST_ENTRIES} entries")
        long = ""
        if block[156:157] == b"x":
            long = _long_path(source, block, name)
            block = source.take(BLOCK)
        entry = _entry(block, long, name)
        if entry.kind == "file":
            content, digest = spool.keep(_checked(source.content(entry.size), entry, name), entry.size)
            entry = replace(entry, content=content, digest=digest)
        yield entry
        source.end_content()
    source.finish()


def _long_path(source: TarSource, block: bytes, name: str) -> str:
    """Return what a PAX header says, which is a path and nothing else."""
    size = _number(block[124:136], name)
    if size > _LONG_NAME:
        raise Refused("name", f"{name}: a name of {size} bytes")
    found = _PATH_RECORD.fullmatch(source.take(size + -size % BLOCK)[:size])
    if not found:
        raise Refused("bytecode", f"{name}: a PAX header that says more than a path")
    return _text(found[1], name)


def _entry(block: bytes, long: str, name: str) -> Entry:
    path = long or "/".join(filter(None, (_text(block[345:500], name), _text(block[:100], name))))
    kind = _KINDS.get(block[156:157])
    if kind is None:
        raise Refused("type", f"{name}: /{path} is neither a file nor a folder")
    mode, uid, gid, size = (_number(block[start:end], name) for start, end in _NUMBERS)
    if kind == "dir":
        path = path.removesuffix("/")
    check_path(name, path)
    entry = Entry(path, kind, mode, size, uid=uid, gid=gid, origin=name)
    if kind == "dir" and size:
        raise Refused("bytecode", f"{name}: /{path} is a folder, but has content")
    if kind == "file":
        _check_file(entry, name)
    return entry


def _check_file(entry: Entry, name: str) -> None:
    if not source_path(entry.path):
        raise Refused("bytecode", f"{name}: /{entry.path} is not where Python keeps bytecode")
    if entry.mode != 0o644:
        raise Refused("bytecode", f"{name}: /{entry.path} has the mode {entry.mode:04o}, not 0644")
    if entry.size > MOST_FILE:
        raise Refused("limit", f"{name}: /{entry.path}: {entry.size} bytes, the limit is {MOST_FILE}")


def _checked(pieces: Iterator[bytes], entry: Entry, name: str) -> Iterator[bytes]:
    """Yield content that begins as bytecode does which knows its source by a hash; or none at all."""
    head = b""
    while len(head) < min(HEADER, entry.size):
        head += next(pieces)
    if entry.size and not is_hash_based(head):
        raise Refused("bytecode", f"{name}: /{entry.path} is no bytecode that knows its source by a hash")
    yield head
    yield from pieces


def is_hash_based(head: bytes) -> bool:
    """Tell whether a file begins as bytecode that knows its source by a hash (PEP 552)."""
    is_known = int.from_bytes(head[4:8], "little") in (UNCHECKED, CHECKED)
    return len(head) >= HEADER and head[2:4] == _MAGIC_END and is_known


def _check_folders(entries: list[Entry], name: str) -> None:
    """Refuse what is in another order than that of layers, or twice, or a folder that holds no bytecode."""
    expected = [(each.path, each.kind) for each in merge(each for each in entries if each.kind == "file")]
    found = [(each.path, each.kind) for each in entries]
    if extra := min(set(found) - set(expected), default=None):
        raise Refused("bytecode", f"{name}: /{extra[0]} is a folder without bytecode")
    if found != expected:
        raise Refused("bytecode", f"{name}: its entries are not those of a layer, each once and in order")


def _number(field: bytes, name: str) -> int:
    match = _OCTAL.fullmatch(field)
    if not match:
        raise Refused("bytecode", f"{name}: {field!r} in a header of its archive is no octal number")
    return int(match[1], 8)


def _text(field: bytes, name: str) -> str:
    try:
        return field.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise Refused("name", f"{name}: name {field.rstrip(bytes(1))!r} is not UTF-8") from None
