"""Knows the assembler as one file: a zip that every engine runs, the same bytes wherever it is packed."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

from onedigest.digest import Digest, hex_of, of_bytes

_SOURCE = Path(__file__).resolve().parent.parent / "assembler"
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


@cache
def pack() -> bytes:
    """Return the zipapp: its modules sorted, stored without compression, with fixed times and modes."""
    files = {"__main__.py": _MAIN, "onedigest/__init__.py": b""}
    for path in sorted(_SOURCE.glob("*.py")):
        # LF whatever the checkout says
        files[f"onedigest/assembler/{path.name}"] = path.read_bytes().replace(b"\r\n", b"\n")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[name])
    return buffer.getvalue()


def digest() -> Digest:
    """Return the digest of the zipapp, by which generated files name it."""
    return of_bytes(pack())


def file_name(assembler: Digest) -> str:
    """Return the name that the zipapp has among the inputs."""
    return f"assemble-{hex_of(assembler)[:12]}.pyz"
