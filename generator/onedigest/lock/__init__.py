"""The choices for an image: every input, pinned by sha256."""
