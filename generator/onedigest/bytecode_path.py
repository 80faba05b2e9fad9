"""The place of bytecode beside its source (PEP 3147, PEP 488)."""

from __future__ import annotations

import posixpath

CACHE = "__pycache__"
"""The folder of bytecode beside its sources."""

SUFFIX = ".py"


def bytecode_path(path: str, python: str) -> str:
    """Return where CPython of a version 3.N.P looks for the bytecode of a source.

    >>> bytecode_path("app/tool.py", "3.13.5")
    'app/__pycache__/tool.cpython-313.pyc'
    """
    folder, name = posixpath.split(path)
    major, minor = python.split(".")[:2]
    return posixpath.join(folder, CACHE, f"{name.removesuffix(SUFFIX)}.cpython-{major}{minor}.pyc")
