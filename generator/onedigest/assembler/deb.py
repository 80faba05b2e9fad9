"""The files in a .deb, at the paths of a merged /usr (deb(5), tar(5); docs/formats/layers.md, section 7)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from onedigest.assembler import tar_reader
from onedigest.assembler.ar import Part, parts
from onedigest.assembler.disk_file import open_at_once
from onedigest.assembler.entry import NAME_BYTES, PATH_BYTES, Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.spool import Spool
from onedigest.assembler.tar_reader import TarMember
from onedigest.assembler.unpacking import unpacked

MERGED = ("bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin")
"""Top-level directories that are links into /usr since Debian 12."""

SCRIPTS = ("config", "postinst", "postrm", "preinst", "prerm", "triggers")
"""The maintainer scripts of a package, which are read and never run, and the triggers that it waits for."""

ENTRIES = 250_000
CONTENT_BYTES = 8 << 30
CONTROL_BYTES = 64 << 20
TEXT_BYTES = 16 << 20
"""Bounds of a package: its files, what both its archives unpack to, and what is read whole."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(rb"[a-z0-9][a-z0-9+.-]{1,199}")
_FIELD = re.compile(rb"([!-\"$-,.-9;-~][!-9;-~]*):(.*)")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Package:
    """A package: `control` and `md5sums` are texts of its control archive.

    `scripts` are its maintainer scripts and `triggers`, by their names there.
    """

    name: str
    control: bytes
    md5sums: bytes
    scripts: Mapping[str, bytes]
    entries: tuple[Entry, ...]


def read(path: Path, spool: Spool | None = None) -> Package:
    """Read a .deb; `spool` is where its content waits. Raises `Refused` (`deb`, `name`, `type` or `limit`)."""
    with open_at_once(path) as file:
        # a device or a pipe has no bytes by this
        control_part, data_part = parts(file, os.fstat(file.fileno()).st_size, path.name)
        control = _control(file, control_part, path.name)
        package = _package_name(control.get("control", b""), path.name)
        entries = tuple(_entries(file, data_part, path.name, spool or Spool()))
    scripts = {script: control[script] for script in SCRIPTS if script in control}
    return Package(package, control["control"], control.get("md5sums", b""), scripts, entries)


def read_control(path: Path, name: str) -> bytes:
    """Return the control file of a .deb that is called `name`. Raises `Refused`."""
    with open_at_once(path) as file:
        part, _ = parts(file, os.fstat(file.fileno()).st_size, name)
        return _control(file, part, name).get("control", b"")


def content_of(entry: Entry) -> bytes:
    """Return the whole content of a small file. Raises `Refused` (`limit`)."""
    if isinstance(entry.content, bytes):
        return entry.content
    if entry.size > TEXT_BYTES:
        raise Refused("limit", f"{entry.origin}: /{entry.path} is too large to be looked into")
    return b"".join(entry.content.pieces())


def _package_name(control: bytes, name: str) -> str:
    """Return the package that a control file names, as every reader finds it (deb-control(5))."""
    fields: dict[bytes, bytes] = {}
    for line in control.rstrip(b"\n").split(b"\n"):
        if line[:1] in (b" ", b"\t") and fields:
            continue
        match = _FIELD.fullmatch(line)
        if not match or match[1].lower() in fields:
            raise Refused("deb", f"{name}: its control file has a line that is no field, or a field twice")
        fields[match[1].lower()] = match[2].strip()
    found = fields.get(b"package", b"")
    if not _NAME.fullmatch(found) or _NO_TEXT.search(control):
        raise Refused("deb", f"{name}: its control file names no package")
    return found.decode()


def _control(file: BinaryIO, part: Part, name: str) -> dict[str, bytes]:
    """Return the texts of the control archive that are kept."""
    found: dict[str, bytes] = {}
    pieces = unpacked(part.pieces(file), part.name, name)
    for member, content in tar_reader.members(pieces, name, CONTROL_BYTES):
        path = _path(member.name, name)
        if path not in ("control", "md5sums", *SCRIPTS):
            continue
        if path in found or member.kind != "file" or member.size > TEXT_BYTES:
            raise Refused("deb", f"{name}: {path} is there twice, no file, or too large")
        found[path] = b"".join(content)
    return found


def _entries(file: BinaryIO, part: Part, name: str, spool: Spool) -> Iterator[Entry]:
    seen: dict[str, tuple[str, Entry]] = {}
    pieces = unpacked(part.pieces(file), part.name, name)
    for member, content in tar_reader.members(pieces, name, CONTENT_BYTES):
        raw = _path(member.name, name)
        if not raw:
            if member.kind != "dir":
                raise Refused("type", f"{name}: / is no directory")
            continue
        path = f"usr/{raw}" if raw in MERGED and member.kind == "dir" else _merged(raw)
        entry = _entry(member, content, path, name, spool)
        if len(seen) == ENTRIES:
            raise Refused("limit", f"{name}: more than {ENTRIES} files")
        old_raw, old = seen.setdefault(path, (raw, entry))
        if old is entry:
            yield entry
        elif old_raw == raw or old != entry or entry.kind != "dir":
            raise Refused("deb", f"{name}: /{path} is there twice")


def _entry(member: TarMember, content: Iterator[bytes], path: str, name: str, spool: Spool) -> Entry:
    ids = {"origin": name, "uid": member.uid, "gid": member.gid}
    if path in MERGED and (member.kind, member.target.lstrip("/")) != ("link", f"usr/{path}"):
        raise Refused("conflict", f"{name}: /{path} is a link into /usr")
    if member.kind == "dir":
        return Entry(path, "dir", member.mode, **ids)  # type: ignore[arg-type]  # keywords of mixed types
    if member.kind == "link":
        if not member.target or _FORBIDDEN.search(member.target) or len(member.target.encode()) > PATH_BYTES:
            raise Refused("name", f"{name}: target {member.target!r} cannot be part of a layer")
        return Entry(path, "link", 0o777, target=member.target, **ids)  # type: ignore[arg-type]
    if member.kind == "hardlink":
        target = _merged(_path(member.target, name))
        return Entry(path, "hardlink", member.mode, target=target, **ids)  # type: ignore[arg-type]
    kept, digest = spool.keep(content, member.size)
    return Entry(path, "file", member.mode, member.size, kept, digest=digest, **ids)  # type: ignore[arg-type]


def _path(raw: str, name: str) -> str:
    """Return the plain path of a member, empty for the root."""
    path = raw.removeprefix("./").removesuffix("/")
    if path in ("", ".") and raw in (".", "./"):
        return ""
    parts_of_it = path.split("/")
    if (
        _FORBIDDEN.search(path)
        or any(part in ("", ".", "..") or part.startswith(".wh.") for part in parts_of_it)
        or max(len(part.encode()) for part in parts_of_it) > NAME_BYTES
        or len(path.encode()) > PATH_BYTES
    ):
        raise Refused("name", f"{name}: path {_short(raw)} cannot be part of a layer")
    return path


def _merged(path: str) -> str:
    """Return a path in a root whose /usr is merged."""
    return f"usr/{path}" if "/" in path and path.partition("/")[0] in MERGED else path


def _short(raw: str) -> str:
    return repr(raw) if len(raw) <= 100 else f"{raw[:100]!r}…"
