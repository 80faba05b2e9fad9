"""The check that Debian signed a release file, and the one door to OpenPGP."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import pysequoia

from onedigest.errors import NetworkError

OTHER_MIRROR = "use another mirror: set ONEDIGEST_DEBIAN_MIRROR to its address"

_KEYS = Path(__file__).with_name("archive-keys.asc")
_BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\n.*?-----END PGP PUBLIC KEY BLOCK-----\n", re.DOTALL)

_FRAME = re.compile(
    rb"-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [A-Za-z0-9, -]{1,80}\n){0,8}\n"
    rb"([^\r]*)\n"
    rb"-----BEGIN PGP SIGNATURE-----\n(?:(?:Version|Comment): [ -~]{0,80}\n){0,8}\n?"
    rb"(?:[A-Za-z0-9+/=]{1,80}\n)+-----END PGP SIGNATURE-----\n?"
)


def verified_text(signed: bytes, name: str, *, now: datetime, keys: bytes | None = None) -> str:
    """Return the text that a cleartext signature covers (RFC 9580, section 7).

    `keys` are armored certificates; without them Debian's archive keys count, each until it expires. Raises
    `NetworkError` when no key of them signed the text, for the file came over a network that nothing else protects.
    """
    certificates = [pysequoia.Cert.from_bytes(block) for block in _BLOCK.findall(keys or _KEYS.read_bytes())]
    try:
        found = pysequoia.verify(signed, lambda _: certificates)
    except Exception:  # noqa: BLE001  the binding raises RuntimeError, and other errors for what is no OpenPGP at all
        found = None
    if found is None or not found.valid_sigs or found.bytes is None:
        raise _refusal("the signature of the Debian release file is not by a key of the Debian archive", name)
    _refuse_expired({each.certificate for each in found.valid_sigs}, certificates, now, name)
    text = bytes(found.bytes)
    if _framed_text(signed) != text.rstrip(b"\n"):
        raise _refusal("the Debian release file is not one signed text alone", name)
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise _refusal("the Debian release file is not UTF-8", name) from None


def _refuse_expired(signers: Collection[str], certificates: Iterable[pysequoia.Cert], now: datetime, name: str) -> None:
    """Raise `NetworkError` where every key that signed is past its time now: it was valid when it signed, by its word.

    Whoever has an old key can state any time of signing. gpgv, which apt asks, takes none of them either.
    """
    ends = [each.expiration for each in certificates if each.fingerprint in signers]
    if not all(end and end <= now for end in ends):
        return
    last = max(filter(None, ends))
    message = f"the Debian release file is signed by keys that have expired, the last on {last:%Y-%m-%d}"
    hint = f"{OTHER_MIRROR}, or install a newer onedigest, which has newer keys; check the clock of this machine"
    raise NetworkError.of(message, where=name, hint=hint)


def _framed_text(signed: bytes) -> bytes | None:
    """Return what stands in the frame of a cleartext signature; None where anything stands outside, or twice.

    A verifier passes over such parts, and over other line ends, so that one signature would fit many files.
    """
    match = _FRAME.fullmatch(signed)
    lines = match[1].split(b"\n") if match else []
    if match is None or any(line.startswith(b"-") and not line.startswith(b"- ") for line in lines):
        return None
    return b"\n".join(line.removeprefix(b"- ") for line in lines).rstrip(b"\n")


def _refusal(message: str, name: str) -> NetworkError:
    return NetworkError.of(message, where=name, hint=OTHER_MIRROR)
