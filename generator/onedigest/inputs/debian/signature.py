"""Knows whether Debian signed a release file: the one door to OpenPGP."""

from __future__ import annotations

import re
from pathlib import Path

import pysequoia

from onedigest.errors import NetworkError

_KEYS = Path(__file__).with_name("archive-keys.asc")
_BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\n.*?-----END PGP PUBLIC KEY BLOCK-----\n", re.DOTALL)


def verified_text(signed: bytes, name: str, keys: bytes | None = None) -> str:
    """Return the text that a cleartext signature covers (RFC 9580, section 7).

    `keys` are armored certificates; without them Debian's archive keys count. Raises `NetworkError` when no key of
    them signed the text, for the file came over a network that nothing else protects.
    """
    certificates = [pysequoia.Cert.from_bytes(block) for block in _BLOCK.findall(keys or _KEYS.read_bytes())]
    try:
        found = pysequoia.verify(signed, lambda _: certificates)
    except Exception:  # noqa: BLE001  the binding raises RuntimeError, and other errors for what is no OpenPGP at all
        found = None
    if found is None or not found.valid_sigs or found.bytes is None:
        raise NetworkError.of(
            "the signature of the Debian release file is not by a key of the Debian archive",
            where=name,
            hint="use another mirror: set ONEDIGEST_DEBIAN_MIRROR to its address",
        )
    return bytes(found.bytes).decode()
