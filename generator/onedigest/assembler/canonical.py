"""Knows the one canonical form of JSON."""

from __future__ import annotations

import json


def canonical_json(value: object) -> bytes:
    """Return the only JSON text of a value: keys sorted, no spaces, UTF-8 without escapes, no NaN."""
    text = json.dumps(  # noqa: TID251  this is the one place
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()
