"""The seal, made with a key of this machine's own, by which it recognises the notes that it wrote itself.

The key is kept apart from the notes, so that a cache that came from elsewhere, or that somebody else could write to,
says nothing that counts. Seals are HMAC-SHA256 (RFC 2104) of a note's name and content.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

_KEY_BYTES = 32
_SEAL = 64
"""Hexadecimal digits of a seal, which stands before a note, with a line break between."""


def read_key(path: Path) -> bytes:
    """Return the key of this machine, made when it is asked for first.

    Where it can be neither read nor kept, each process has one of its own, and no note of another one counts.
    """
    key = _kept(path)
    if key is None:
        key = secrets.token_bytes(_KEY_BYTES)
        with suppress(OSError):
            _keep(path, key)
            key = _kept(path) or key  # another process may have been first
    return key


def sealed(key: bytes, name: str, data: bytes) -> bytes:
    """Return a note with its seal before it."""
    return _seal(key, name, data) + b"\n" + data


def unsealed(key: bytes, name: str, text: bytes) -> bytes | None:
    """Return a note without its seal, or None where the seal is not that of this key, name and content."""
    data = text[_SEAL + 1 :]
    return data if hmac.compare_digest(text[: _SEAL + 1], _seal(key, name, data) + b"\n") else None


def _seal(key: bytes, name: str, data: bytes) -> bytes:
    return hmac.new(key, name.encode() + b"\0" + data, hashlib.sha256).hexdigest().encode()


def _kept(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        key = file.read(_KEY_BYTES + 1)
    private = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return key if private and len(key) == _KEY_BYTES else None


def _keep(path: Path, key: bytes) -> None:
    """Give a key its name, whole at once; one that is there and can be used stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".key-{secrets.token_hex(8)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)
        except FileExistsError:  # of another process, which stays, or one that is of no use
            if _kept(path) is None:
                new.replace(path)
    finally:
        new.unlink(missing_ok=True)
