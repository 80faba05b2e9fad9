"""Knows what is in a .deb: its control file, and its files at the paths of a merged /usr (deb(5), tar(5))."""

from __future__ import annotations

import io
import lzma
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

MERGED = ("bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin")
"""Top-level directories that are links into /usr since Debian 12."""

_MAGIC = b"!<arch>\n"
_HEADER = 60
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Package:
    """A package: `control` and `md5sums` are the texts of its control archive."""

    name: str
    control: bytes
    md5sums: bytes
    entries: tuple[Entry, ...]


def read(path: Path) -> Package:
    """Read a .deb. Raises `Refused` (`deb`, `name` or `type`)."""
    try:
        members = dict(_members(path))
        control = _control(members, path.name)
        entries = tuple(_entries(_open(members, "data.tar", path.name), path.name))
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError, OSError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("deb", f"{path.name}: broken archive ({error})") from None
    match = re.search(rb"(?m)^Package: ([a-z0-9][a-z0-9+.-]+)$", control.get("control", b""))
    if not match:
        raise Refused("deb", f"{path.name}: its control file names no package")
    return Package(match[1].decode(), control["control"], control.get("md5sums", b""), entries)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the members of an ar archive."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise Refused("deb", f"{path.name}: not a Debian package")
    at = len(_MAGIC)
    while at < len(data):
        header = data[at : at + _HEADER]
        if len(header) < _HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise Refused("deb", f"{path.name}: broken archive header")
        size = int(header[48:58])
        at += _HEADER
        if at + size > len(data):
            raise Refused("deb", f"{path.name}: cut off")
        yield header[:16].decode("ascii", "replace").strip().rstrip("/"), data[at : at + size]
        at += size + size % 2


def _open(members: dict[str, bytes], stem: str, name: str) -> tarfile.TarFile:
    for member, content in members.items():
        if member == stem or member.startswith(f"{stem}."):
            if member.endswith(".zst"):
                raise Refused("deb", f"{name}: packed with zstd, which Debian does not use")
            # the default encoding is the locale's
            return tarfile.open(fileobj=io.BytesIO(content), mode="r:*", encoding="utf-8", errors="strict")
    raise Refused("deb", f"{name}: no {stem}")


def _control(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    found = {}
    with _open(members, "control.tar", name) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                found[member.name.removeprefix("./")] = file.read()
    return found


def _entries(archive: tarfile.TarFile, name: str) -> Iterator[Entry]:
    with archive:
        for member in archive:
            path = _path(member.name, name)
            if not path:
                continue
            if path in MERGED and member.isdir():
                path = f"usr/{path}"
            yield _entry(archive, member, path, name)


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, name: str) -> Entry:
    owner = {"uid": member.uid, "gid": member.gid, "origin": name}
    mode = member.mode & 0o7777
    if member.isdir():
        return Entry(path, "dir", mode, **owner)  # type: ignore[arg-type]  # keywords of mixed types
    if member.issym():
        return Entry(path, "link", 0o777, target=member.linkname, **owner)  # type: ignore[arg-type]
    if member.islnk():
        return Entry(path, "hardlink", mode, target=_path(member.linkname, name), **owner)  # type: ignore[arg-type]
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        raise Refused("type", f"{name}: /{path} is neither file, directory nor link")
    entry = file_entry(path, file.read(), executable=False, origin=name)
    return replace(entry, mode=mode, uid=member.uid, gid=member.gid)


def _path(raw: str, name: str) -> str:
    """Return the path of a member in a root whose /usr is merged."""
    path = raw.removeprefix("./").strip("/")
    if path in ("", "."):
        return ""
    parts = path.split("/")
    if _FORBIDDEN.search(path) or any(part in ("", ".", "..") or part.startswith(".wh.") for part in parts):
        raise Refused("name", f"{name}: path {raw!r} cannot be part of a layer")
    return f"usr/{path}" if parts[0] in MERGED and len(parts) > 1 else path
