"""Locks: what is accepted is written again, and means the same."""

from __future__ import annotations

from pathlib import Path

from onedigest.errors import OnedigestError
from onedigest.lock import text as lock_text

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (
    *(b"sha256:", b"sha256 = ", b"name = ", b"path = ", b"size = ", b"version = ", b"[[packages]]\n", b"wheels = ["),
    *(b"1979-01-01", b"nan", b"9" * 5000, b"[" * 200, b"../", b'"""', b"\\u0000", b"platforms = []", b"{}", b"true"),
)
_CASES = Path(__file__).resolve().parent.parent / "cases"
SEEDS: tuple[bytes, ...] = tuple(path.read_bytes() for path in sorted(_CASES.rglob("pylock.toml")))


def run(data: bytes) -> None:
    """Read a lock, and what it is written as."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    lock = lock_text.loads(text, "pylock.toml")
    assert lock_text.loads(lock_text.dumps(lock), "pylock.toml") == lock
