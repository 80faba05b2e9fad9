"""An archive of source: unpacked below its folder, or refused, and never a link or a file beside it."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from onedigest.errors import InputError
from onedigest.from_source.unpack import unpack_file


def _tar(form: int, mode: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode, format=form) as archive:  # type: ignore[call-overload]  # each is one
        for name, kind, target in (
            ("core-1.0", tarfile.DIRTYPE, ""),
            ("core-1.0/pyproject.toml", tarfile.REGTYPE, ""),
            ("core-1.0/" + "x" * 120, tarfile.REGTYPE, ""),
            ("core-1.0/link", tarfile.SYMTYPE, "pyproject.toml"),
            ("core-1.0/same", tarfile.LNKTYPE, "core-1.0/pyproject.toml"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO())
    return data.getvalue()


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("core-1.0/pyproject.toml", "[project]\n")
        link = zipfile.ZipInfo("core-1.0/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "pyproject.toml")
    return data.getvalue()


SEEDS = (
    _tar(tarfile.PAX_FORMAT, "w"),
    _tar(tarfile.GNU_FORMAT, "w"),
    _tar(tarfile.GNU_FORMAT, "w:gz"),
    _tar(tarfile.PAX_FORMAT, "w:bz2"),
    _tar(tarfile.PAX_FORMAT, "w:xz"),
    _zip(),
)
EXPECTED = (InputError,)
TOKENS = (
    b"../",
    b"/",
    b"\0",
    b"ustar",
    b"GNU.sparse.major=1",
    b"path=../x",
    b"linkpath=/etc",
    b"L",
    b"K",
    b"x",
    b"g",
    b"S",
)


def run(data: bytes) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "archive").write_bytes(data)
        try:
            unpack_file(folder / "archive", folder / "out", "it", "app.py")
        finally:
            assert {each.name for each in folder.iterdir()} <= {"archive", "out"}
        for path in (folder / "out").rglob("*"):
            if path.is_symlink():
                assert not path.exists() or path.resolve().is_relative_to((folder / "out").resolve())
    finally:
        shutil.rmtree(folder)
