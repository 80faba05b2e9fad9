"""Debian packages, whole or the tar in them with right checksums: the written layer says what was read."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from hostile_deb import CONTROL, END, ar, block, deb_of, long_name
from onedigest.assembler import stream
from onedigest.assembler.debian_packages import debian_packages_layer
from onedigest.assembler.refusal import Refused

_TAR = (
    block(b"./", kind=b"5")
    + block(b"./usr/", kind=b"5")
    + block(b"./usr/a", b"hello")
    + block(b"./usr/b", kind=b"1", target=b"./usr/a")
    + block(b"./usr/c", kind=b"2", target=b"a")
    + long_name(b"./usr/" + b"l" * 120)
    + block(b"./bin/x", b"x")
    + END
)
_USTAR = (
    block(b"a", b"x", prefix=b"./usr/share", magic=b"ustar\x0000") + block(b"./bin", kind=b"2", target=b"usr/bin") + END
)
_CONTROL = block(b"./control", CONTROL) + block(b"./md5sums", b"0  x\n") + END
_MAGIC = b"!<arch>\n"

SEEDS: tuple[bytes, ...] = (
    _TAR,
    _USTAR,
    deb_of(_TAR),
    ar(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar", _CONTROL),
            ("_x", b"1"),
            ("data.tar.gz", gzip.compress(_TAR, mtime=0)),
        ]
    ),
)
TOKENS: tuple[bytes, ...] = (
    b"ustar  \0",
    b"ustar\x0000",
    b"\x80",
    b"77777777777",
    b"`\n",
    b"data.tar",
    b"./",
    b"../",
    bytes(512),
)
EXPECTED: tuple[type[Exception], ...] = (Refused,)


def run(data: bytes) -> None:
    path = Path("x.deb")
    if not data.startswith(_MAGIC[:4]):
        data = ar([("debian-binary", b"2.0\n"), ("control.tar", _CONTROL), ("data.tar", _repaired(data))])
    path.write_bytes(data)
    entries = debian_packages_layer([path])
    output = io.BytesIO()
    stream.write_tar(entries, output)
    with tarfile.open(fileobj=io.BytesIO(output.getvalue()), encoding="utf-8", errors="strict") as archive:
        back = [(each.name, each.mode, each.uid, each.gid, each.linkname) for each in archive]
    assert back == [(each.path, each.mode, each.uid, each.gid, each.target) for each in entries]


def _repaired(data: bytes) -> bytes:
    """Return a tar whose headers have right checksums, so that mutations reach what is behind that check."""
    found = bytearray(data)
    for at in range(0, len(found) - 511, 512):
        if found[at + 257 : at + 262] == b"ustar":
            total = sum(found[at : at + 148]) + sum(found[at + 156 : at + 512]) + 8 * ord(" ")
            found[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(found)
