"""The texts of a wheel's .dist-info: whatever they say, the layer is whole, or the wheel is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from hostile_zip import members_of, record, wheel_files, zip_of
from onedigest.assembler import stream
from onedigest.assembler.layer import wheels_layer
from onedigest.assembler.refusal import Refused

_INFO = "alpha-1.0.dist-info"
_TEXTS = ("METADATA", "WHEEL", "entry_points.txt", "RECORD")
_CUT = b"\0--\0"
_NAME = "alpha-1.0-py3-none-any.whl"
_FILES = wheel_files(
    more={"entry_points.txt": b"[console_scripts]\nalpha = alpha.x:main [extra]\n[gui_scripts]\nb=alpha:y\n"}
)

SEEDS: tuple[bytes, ...] = (
    _CUT.join(_FILES[f"{_INFO}/{name}"] for name in _TEXTS[:3]),
    _CUT.join(_FILES[f"{_INFO}/{name}"] for name in _TEXTS),
    _CUT.join((b"Name: Alpha\r\nVersion: v1.0.0\r\n\r\nbody\r\n", b"Wheel-Version: 1.9\n\n", b"# none\n")),
)
TOKENS: tuple[bytes, ...] = (
    *(
        b"sha256=",
        b"sha512=",
        b"SHA-256=",
        b"md5=",
        b'"',
        b",,\n",
        b"Name: ",
        b"Version: ",
        b"\r",
        b"../",
        b"./",
        b"\\",
    ),
    *(b"9" * 5000, b"ab" * 32, b"A" * 43, b"==", b"\xef\xbb\xbf", b"[console_scripts]\n", b"pip=a:b\n", b"+cu12"),
)
EXPECTED: tuple[type[Exception], ...] = (Refused,)


def run(data: bytes) -> None:
    texts = {f"{_INFO}/{name}": text for name, text in zip(_TEXTS, data.split(_CUT), strict=False)}
    files = {**_FILES, **texts}
    if f"{_INFO}/RECORD" not in texts:
        del files[f"{_INFO}/RECORD"]
        files[f"{_INFO}/RECORD"] = record(files, f"{_INFO}/RECORD")
    path = Path(_NAME)
    path.write_bytes(zip_of(members_of(files)))
    entries = wheels_layer([path], "3.13")
    blob = io.BytesIO()
    found = stream.write(entries, blob)
    tar = gzip.decompress(blob.getvalue())
    assert f"sha256:{hashlib.sha256(tar).hexdigest()}" == found.diff_id
    with tarfile.open(fileobj=io.BytesIO(tar), encoding="utf-8") as archive:
        assert [each.name for each in archive] == [entry.path for entry in entries]
