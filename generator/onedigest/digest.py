"""Knows digests, and the one canonical form of JSON that they are taken of."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NewType

from onedigest.assembler.canonical import canonical_json

__all__ = ["Digest", "canonical_json", "hex_of", "is_digest", "of_bytes", "of_file"]

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hexadecimal digits."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest."""
    return _DIGEST.fullmatch(text) is not None


def of_bytes(data: bytes) -> Digest:
    """Return the digest of bytes."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


def of_file(path: Path) -> Digest:
    """Return the digest of a file's content."""
    with path.open("rb") as file:
        return Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")


def hex_of(digest: str) -> str:
    """Return the hexadecimal part of a digest."""
    return digest.partition(":")[2]
