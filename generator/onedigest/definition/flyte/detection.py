"""The quick question whether a script may define Flyte images, since parsing one takes a moment."""

from __future__ import annotations


def may_have_images(text: str | bytes) -> bool:
    """Tell whether a script may have an image: whatever it calls things by, it names Flyte, and an image."""
    if isinstance(text, bytes):
        return b"flyte" in text and b"mage" in text
    return "flyte" in text and "mage" in text
