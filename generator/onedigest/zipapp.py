"""The assembler as one file, a zip that every engine runs: those that are shipped, and how one is frozen."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from onedigest import formats
from onedigest.digest import Digest, hex_of, of_bytes
from onedigest.shipped import shipped_folder

FOLDER = "assemblers"
"""The shipped folder of frozen assemblers."""

_NAME = re.compile(r"assemble-[0-9a-f]{12}\.pyz")
_FORMAT = re.compile(rb"(?m)^FORMAT = ([0-9]+)$")
_SOURCE = Path(__file__).resolve().parent / "assembler"
_TIME = (1980, 1, 2, 0, 0, 0)
_MAIN = b"""import os
import sys

if sys.version_info < (3, 11):
    sys.exit("error: the assembler needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])

from onedigest.assembler.__main__ import main

os.umask(0o022)
sys.exit(main())
"""

START = (
    "import hashlib, runpy, sys; path, digest = sys.argv[1:3]; "
    "'sha256:' + hashlib.sha256(open(path, 'rb').read()).hexdigest() == digest "
    "or sys.exit('refused: %s is not the pinned assembler' % path); "
    "sys.argv[:3] = [path]; runpy.run_path(path, run_name='__main__')"
)
"""What Python is given with `-c`, then the zipapp and its digest: it runs the zipapp if that is the pinned one."""


def pack() -> bytes:
    """Return the zipapp of today's source, which is frozen from it: files sorted, not compressed, with fixed times.

    Nothing runs it but tests: every engine takes a frozen one.
    """
    files = {"__main__.py": _MAIN, "onedigest/__init__.py": b""}
    for path in sorted(_SOURCE.rglob("*.py")):
        # LF whatever the checkout says
        files[f"onedigest/assembler/{path.relative_to(_SOURCE).as_posix()}"] = path.read_bytes().replace(b"\r\n", b"\n")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def newest() -> Digest:
    """Return the digest of the frozen assembler that new rules name."""
    return Digest(formats.ASSEMBLER)


def shipped(assembler: Digest) -> bytes:
    """Return a frozen assembler. Raises `LookupError` for one that this version does not ship."""
    path = shipped_folder(FOLDER) / file_name(assembler)
    data = path.read_bytes() if path.is_file() else b""
    if of_bytes(data) != assembler:
        raise LookupError(assembler)
    return data


@cache
def names() -> frozenset[str]:
    """Return the file names of all frozen assemblers."""
    return frozenset(path.name for path in shipped_folder(FOLDER).glob("*.pyz"))


def named(texts: Iterable[str]) -> frozenset[str]:
    """Return the file names of the assemblers that texts name, shipped or not."""
    return frozenset(name for text in texts for name in _NAME.findall(text))


@cache
def shipped_as(name: str) -> Digest | None:
    """Return the digest of the frozen assembler of a file name, or None where this version does not ship it."""
    if name == file_name(newest()):
        return newest()
    if name not in names():
        return None
    return of_bytes((shipped_folder(FOLDER) / name).read_bytes())


@cache
def layer_format(assembler: Digest) -> int:
    """Return the layer format that a frozen assembler writes. Raises `LookupError` as `shipped`."""
    with zipfile.ZipFile(io.BytesIO(shipped(assembler))) as archive:
        found = _FORMAT.search(archive.read("onedigest/assembler/__init__.py"))
    return int(found[1]) if found else 0


def file_name(assembler: Digest) -> str:
    """Return the name that an assembler has, among the shipped files and among the inputs."""
    return f"assemble-{hex_of(assembler)[:12]}.pyz"
