"""Digests, and the canonical form of JSON that they are taken of."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NewType

from onedigest.assembler.canonical import canonical_json

__all__ = [
    "Digest",
    "algorithm_of",
    "canonical_json",
    "has_stated",
    "hex_of",
    "is_digest",
    "is_stated",
    "of_bytes",
    "of_file",
]

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hexadecimal digits."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_STATED = re.compile(
    r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}|md5:[0-9a-f]{32}|blake2b:[0-9a-f]{64}"
)
"""What uv takes of an index; its blake2b has 256 bits."""


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


def is_stated(text: str) -> bool:
    """Tell whether a text is a digest of any algorithm that indexes state."""
    return _STATED.fullmatch(text) is not None


def algorithm_of(stated: str) -> str:
    """Return the name of the algorithm of a digest."""
    return stated.partition(":")[0]


def has_stated(path: Path, stated: str) -> bool:
    """Tell whether a file's content has a digest, by the algorithm of that."""
    name = algorithm_of(stated)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, (lambda: hashlib.blake2b(digest_size=32)) if name == "blake2b" else name)
    return found.hexdigest() == hex_of(stated)


def hex_of(digest: str) -> str:
    """Return the hexadecimal part of a digest."""
    return digest.partition(":")[2]
