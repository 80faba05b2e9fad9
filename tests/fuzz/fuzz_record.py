"""Records of builds: what is accepted is written again, and means the same."""

from __future__ import annotations

from pathlib import Path

from onedigest.errors import OnedigestError
from onedigest.plan import record

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (
    *(b"sha256:", b"digest = ", b"size = ", b"holds = ", b"[[platforms]]\n", b"layers = [", b"plan = ", b"index = "),
    *(b"1979-01-01", b"nan", b"9" * 5000, b"[" * 200, b"../", b'"""', b"\\u0000", b"{}", b"true"),
)
_CASES = Path(__file__).resolve().parent.parent / "cases"
SEEDS: tuple[bytes, ...] = tuple(path.read_bytes() for path in sorted(_CASES.rglob("image.toml")))


def run(data: bytes) -> None:
    """Read a record, and what it is written as."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    found = record.loads(text, "image.toml")
    assert record.loads(record.dumps(found), "image.toml") == found
    assert record.differences(found, found) == []
