"""Builds real Debian packages."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType


def entry(
    name: str, content: bytes | None = b"", *, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644
) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, target, mode, 12345
    info.size = len(content or b"") if kind == tarfile.REGTYPE else 0
    return info, content or b""


def directory(name: str, *, mode: int = 0o755, gid: int = 0) -> tuple[tarfile.TarInfo, bytes]:
    """Return a folder of an archive."""
    info, content = entry(name, None, kind=tarfile.DIRTYPE, mode=mode)
    info.gid = gid
    return info, content


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """Return a symbolic link of an archive."""
    return entry(name, None, kind=tarfile.SYMTYPE, target=target, mode=0o777)


def archive(members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a tar of members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as opened:
        for info, content in members:
            opened.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


def make_deb(
    path: Path,
    name: str,
    members: Sequence[tuple[tarfile.TarInfo, bytes]],
    suffix: str = ".xz",
    scripts: Mapping[str, bytes] = MappingProxyType({}),
) -> Path:
    """Write a package with one control file, and its maintainer scripts."""
    texts = {"control": f"Package: {name}\nVersion: 1\n".encode(), "md5sums": b"0  x\n", **scripts}
    control = archive([entry(f"./{each}", text) for each, text in texts.items()])
    data = archive([entry("./", None, kind=tarfile.DIRTYPE, mode=0o755), *members])
    found = b"!<arch>\n"
    for member, content in (
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", lzma.compress(control)),
        (f"data.tar{suffix}", lzma.compress(data) if suffix == ".xz" else data),
    ):
        found += (
            f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
            + content
            + b"\n" * (len(content) % 2)
        )
    path.write_bytes(found)
    return path
