"""Signed release files: none but the text that was signed is ever read, and none but the file as it was signed."""

from __future__ import annotations

from datetime import UTC, datetime

import pysequoia

from onedigest.debian.release import read_signed
from onedigest.debian.signature import verified_text
from onedigest.digest import of_bytes
from onedigest.errors import OnedigestError

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (
    *(b"-----BEGIN PGP SIGNED MESSAGE-----\n", b"-----BEGIN PGP SIGNATURE-----\n", b"-----END PGP SIGNATURE-----\n"),
    *(b"Hash: SHA512\n", b"\r\n", b"\n\n", b"- ", b"Suite: evil\n", b" \t\n", b"=", b"Date: "),
)
_TEXT = (
    "Origin: Debian\nSuite: stable\nCodename: trixie\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n"
    f" {'0' * 64} 10 main/binary-amd64/Packages\n {'1' * 64} 5 main/binary-amd64/Packages.xz\n"
)
_SECRET = pysequoia.Tsk.generate("Archive <archive@example.org>")
_NOW = datetime(2026, 7, 11, tzinfo=UTC)
_KEYS = str(_SECRET.extract_certificate()).encode()
_SIGNED = bytes(pysequoia.sign(_SECRET.signer(), _TEXT.encode(), mode=pysequoia.SignatureMode.CLEAR))

SEEDS: tuple[bytes, ...] = (b"s" + _SIGNED, b"s" + _SIGNED * 2, b"t" + _TEXT.encode())


def run(data: bytes) -> None:
    """Verify the data, or read it as a text that was signed; the first byte says which."""
    if data[:1] == b"s":
        text = verified_text(data[1:], "InRelease", now=_NOW, keys=_KEYS)
        assert text == _TEXT
    else:
        text = data[1:].decode("utf-8", "replace")
    read_signed(text, of_bytes(data), "trixie", "InRelease")
