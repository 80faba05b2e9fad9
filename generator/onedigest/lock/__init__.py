"""Knows what was chosen for an image: every input, pinned by sha256."""
