"""The one canonical form of JSON, and of a script's text."""

from __future__ import annotations

import json


def canonical_json(value: object) -> bytes:
    """Return the only JSON text of a value: keys sorted, no spaces, UTF-8 without escapes, no NaN."""
    text = json.dumps(  # noqa: TID251  this is the one place
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def canonical_text(data: bytes) -> str:
    """Return a script's text without byte order mark and with LF line ends, so that editors cannot change a digest.

    Raises UnicodeDecodeError for what is not UTF-8.
    """
    return data.decode("utf-8-sig").replace("\r\n", "\n")
