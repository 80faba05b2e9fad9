"""The one form that a built wheel is written in, so that its sha256 depends on nothing but its content.

Members are stored, because no compressor may have a part in the bytes. They are in the order of their paths, those of
.dist-info last and RECORD as the very last, with one date and modes 0644 or 0755 (docs/formats/built-wheels.md,
section 1).
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler import zip_directory
from onedigest.assembler.entry import Entry, unpadded_base64
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.assembler.wheel_metadata import file_name_identity, find_info, same_identity
from onedigest.assembler.wheel_record import new_record
from onedigest.assembler.zip_member import Member
from onedigest.errors import InputError

MOST_BYTES = 2 << 30
MOST_MEMBERS = 65_000
"""Bounds of a built wheel: within them a zip file needs none of the fields of zip64."""

FOR_EACH_PLATFORM = (
    "publish wheels of it for each platform to an index, built for example with cibuildwheel; "
    "where the compiled part may be left out, say so to its backend by `extra-build-variables` or "
    "`config-settings-package` of [tool.uv]"
)
"""What to do about a project that is not pure Python."""

_NOT_KEPT = ("RECORD", "RECORD.jws", "RECORD.p7s")
_VERSION = 20
_UNIX = 3
_DATE = (1980 - 1980) << 9 | 1 << 5 | 2  # 1980-01-02, as in layers
_UTF8 = 0x0800
_LOCAL = b"PK\3\4"
_LOCAL_SIZE = 30
_SITE = "site"  # where RECORD counts from
_REGULAR = 0o100000
_LIBRARY = re.compile(r"\.(?:so(?:\.[\d.]+)?|pyd|dylib|dll)$")
_PURE_PYTHON = re.compile(r"py\d+")
_MOST_NAMED = 5
_SOME_PYTHON = "3.13"  # the places of a wheel's files are right or wrong on any


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenFile:
    """A file of a wheel: its bytes by their sha256, its size, and whether it may be run."""

    digest: str
    size: int
    executable: bool


def write_canonical(wheel: Path, folder: Path, stated: Path | None = None) -> Path:
    """Write a wheel that a backend made into a folder, in its one form; return the file.

    `stated` is the PKG-INFO of a source distribution, which must name the same project and version.
    Raises `InputError` for a wheel that is not pure Python, or that nobody could install.
    """
    try:
        members = {member.name: member for member in zip_directory.read(wheel)}
        info = find_info(wheel.name, members, file_name_identity(wheel.name))
    except Refused as error:
        raise _unusable(error) from None
    _check_bounds(members)
    try:
        _check_tags(wheel.name, members, members[f"{info}/WHEEL"].read().decode("utf-8", "replace"))
        if stated is not None:
            _check_stated(stated, wheel.name)
        target = folder / wheel.name
        with target.open("wb") as file:
            for piece in _zip_file(_ordered(members, info), info):
                file.write(piece)
        wheel_entries(target, _SOME_PYTHON)
    except Refused as error:
        raise _unusable(error) from None
    return target


def read_files(wheel: Path) -> dict[str, WrittenFile]:
    """Return what a wheel of this form holds, by path."""
    found = {}
    for member in zip_directory.read(wheel):
        digest = hashlib.sha256()
        for piece in member.pieces():
            digest.update(piece)
        found[member.name] = WrittenFile(
            digest=digest.hexdigest(), size=member.size, executable=bool(member.mode & 0o111)
        )
    return found


def _unusable(error: Refused) -> InputError:
    return InputError.of(f"the wheel that the backend made cannot be used: {error.reason}")


def _check_bounds(members: Mapping[str, Member]) -> None:
    size = sum(member.size for member in members.values())
    if size > MOST_BYTES or len(members) > MOST_MEMBERS:
        raise InputError.of(
            f"the wheel that the backend made has {len(members)} files with {size >> 20} MiB;"
            f" one that is built may have {MOST_MEMBERS} with {MOST_BYTES >> 20} MiB",
            hint="leave out what is no part of the package, such as data sets and virtual environments",
        )


def _check_tags(name: str, members: Mapping[str, Member], wheel_text: str) -> None:
    """Refuse a wheel for one machine or one Python, and one whose file name and WHEEL disagree."""
    in_name = _expanded(name.removesuffix(".whl").rsplit("-", 3)[1:])
    lines = re.findall(r"(?im)^tag:[ \t]*(\S+)[ \t]*\r?$", wheel_text)
    in_file = {tag for line in lines for tag in _expanded(line.split("-"))}
    libraries = sorted(path for path in members if _LIBRARY.search(path))
    bound = sorted(tag for tag in in_name | in_file if tag[1:] != ("none", "any"))
    if bound:
        seen = f", and holds {named(libraries)}" if libraries else ""
        raise InputError.of(
            f"`{name}` is not pure Python: it is for {'-'.join(bound[0])}{seen}",
            hint=FOR_EACH_PLATFORM,
        )
    if in_name != in_file:
        raise InputError.of(f"`{name}` is for {_spoken(in_name)} by its name, and for {_spoken(in_file)} by its WHEEL")
    if any(not _PURE_PYTHON.fullmatch(tag[0]) for tag in in_name) or not any(tag[0][:3] == "py3" for tag in in_name):
        raise InputError.of(
            f"`{name}` is for {_spoken(in_name)}, and not for any Python 3",
            hint="have the backend make a wheel for `py3-none-any`",
        )
    if libraries:
        raise InputError.of(
            f"`{name}` says that it runs anywhere, and holds libraries of one machine: {named(libraries)}",
            hint=FOR_EACH_PLATFORM,
        )


def _expanded(parts: list[str]) -> set[tuple[str, ...]]:
    """Return the tags that a compressed set means (PEP 425)."""
    if len(parts) != 3:
        return {tuple(parts)}
    pythons, abis, machines = (part.split(".") for part in parts)
    return {(python, abi, machine) for python in pythons for abi in abis for machine in machines}


def _spoken(tags: Iterable[tuple[str, ...]]) -> str:
    return ", ".join(sorted("-".join(tag) for tag in tags)) or "nothing"


def named(paths: Sequence[str]) -> str:
    """Return the first of several paths, for a message."""
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(f"`{path}`" for path in paths[:_MOST_NAMED]) + more


def _check_stated(stated: Path, name: str) -> None:
    """Refuse a wheel of another project or version than its source distribution states."""
    with stated.open("rb") as file:
        head = file.read(1 << 20).decode("utf-8", "replace").replace("\r\n", "\n").partition("\n\n")[0]
    found = tuple(
        match[1].strip() if (match := re.search(rf"(?im)^{key}:(.*)$", head)) else "" for key in ("name", "version")
    )
    identity = file_name_identity(name)
    if all(found) and not same_identity((found[0], found[1]), identity):
        raise InputError.of(
            f"the source distribution is of {' '.join(found)} by its PKG-INFO, and its wheel is {' '.join(identity)}",
            hint="the source is broken: take another version, or a wheel",
        )


def _ordered(members: Mapping[str, Member], info: str) -> list[Member]:
    dropped = {f"{info}/{each}" for each in _NOT_KEPT}
    kept = [member for name, member in members.items() if name not in dropped]
    return sorted(kept, key=lambda member: (member.name.startswith(f"{info}/"), member.name))


def _zip_file(members: list[Member], info: str) -> Iterator[bytes]:
    """Yield a zip file of stored members, and of the RECORD that belongs to them (APPNOTE.TXT, section 4.3)."""
    directory, entries, offset = bytearray(), [], 0
    for member in members:
        mode = 0o755 if member.mode & 0o111 else 0o644
        local = _local(member.name, member.crc, member.size)
        directory += _central(local, mode, offset)
        yield local
        digest = hashlib.sha256()
        for piece in member.pieces():
            digest.update(piece)
            yield piece
        offset += len(local) + member.size
        recorded = f"sha256={unpadded_base64(digest.digest())}"
        entries.append(Entry(f"{_SITE}/{member.name}", "file", mode, member.size, digest=recorded))
    text = new_record(entries, _SITE, info)
    local = _local(f"{info}/RECORD", zlib.crc32(text), len(text))
    directory += _central(local, 0o644, offset)
    yield local
    yield text
    offset += len(local) + len(text)
    yield bytes(directory)
    count = len(members) + 1
    yield struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)


def _local(name: str, crc: int, size: int) -> bytes:
    """Return the local header of a member."""
    flags, raw = 0 if name.isascii() else _UTF8, name.encode()
    fields = struct.pack("<HHHHHIIIHH", _VERSION, flags, 0, 0, _DATE, crc, size, size, len(raw), 0)
    return _LOCAL + fields + raw


def _central(local: bytes, mode: int, offset: int) -> bytes:
    """Return the entry of the central directory that belongs to a local header."""
    fields, name = local[len(_LOCAL) : _LOCAL_SIZE], local[_LOCAL_SIZE:]
    rest = struct.pack("<HHHII", 0, 0, 0, (_REGULAR | mode) << 16, offset)
    return b"PK\1\2" + bytes((_VERSION, _UNIX)) + fields + rest + name
