"""Turns wheels, Debian packages and files into layers, and layers into an image, with the standard library alone.

Every engine runs this same code: in process, in a build stage, in an action or in a derivation. The bytes follow
layer format 1 (docs/formats/layers.md); a change of one byte is a new format.
"""

FORMAT = 1
"""The layer format that this assembler writes. Every lock states it."""

SPLICE = "splice-1"
"""The gzip encoding of layers that are made here."""

VENV = "opt/venv"
"""Where the virtual environment of an image is, unless a base has one of its own there."""
