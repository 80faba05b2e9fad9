"""Compares frozen assemblers with the source of today: their code, without comments and docstrings."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

from conftest import ROOT

FOLDER = ROOT / "assemblers"


def files() -> list[Path]:
    """Return the frozen assemblers."""
    return sorted(FOLDER.glob("*.pyz"))


def differing_modules(old: bytes, new: bytes) -> list[str]:
    """Return the modules of two zipapps whose code differs in more than comments and docstrings."""
    before, after = _codes(old), _codes(new)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _codes(zipapp: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(zipapp)) as archive:
        return {name: _code(archive.read(name)) for name in archive.namelist()}


def _code(source: bytes) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # a text alone is a docstring, or a comment on the name above it
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
