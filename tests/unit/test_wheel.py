"""Where files of a wheel go, as pip and uv have them, and which project a wheel is of."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import VECTORS
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.inputs.uv_program import uv_program
from wheel_builder import wheel_bytes

OLD_TOOL = VECTORS / "odd" / "Old_Tool-1.0-py2.py3-none-any.whl"
"""A wheel with what setuptools, pip and easy_install have made, and with `lib64` and headers."""
BOM = "\ufeff".encode()


def rewritten(folder: Path, name: str, old: bytes, new: bytes) -> Path:
    """Write a wheel of demo 1.0 under a name, with something replaced that is stored; RECORD is not touched."""
    path = folder / name
    whole = wheel_bytes("demo", "1.0", deflate=False)
    assert old in whole
    path.write_bytes(whole.replace(old, new))
    return path
