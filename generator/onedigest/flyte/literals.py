"""Knows which expressions of a script have a value without running it: literals, paths beside the file, secrets."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onedigest.flyte.methods import secret
from onedigest.untrusted import without_secrets

PATHS = ("pathlib.Path",)
SECRETS = ("flyte.Secret",)

_LONGEST = 200
"""How much of an expression messages quote."""


class NotLiteral(Exception):
    """An expression whose value only running the script tells."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.line = node.lineno
        self.text = _text(node)


def dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return what a name or attribute stands for by a file's imports, such as `flyte.Image`; else the empty string."""
    further = []
    while isinstance(node, ast.Attribute):
        further.append(node.attr)
        node = node.value
    first = names.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join((first, *reversed(further))) if first else ""


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what the imports of a file, wherever they stand, call by which name."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def literal(node: ast.expr, names: Mapping[str, str], file: Path) -> Any:
    """Return the value of an expression of a file. Raises `NotLiteral`."""
    try:
        return _Values(names, file).value(node)
    except (RecursionError, TypeError, ValueError):  # nested too deeply, or a key that no dictionary can have
        raise NotLiteral(node) from None


def _text(node: ast.expr) -> str:
    """Return an expression as messages quote it."""
    try:
        text = without_secrets(ast.unparse(node))
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class _Values:
    def __init__(self, names: Mapping[str, str], file: Path) -> None:
        self._names = names
        self._file = file

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Tuple() | ast.List() | ast.Dict():
                return self._container(node)
            case ast.Name(id="__file__"):
                return str(self._file)
            case ast.Call() | ast.Attribute() | ast.BinOp():
                return self._path_or_secret(node)
        raise NotLiteral(node)

    def _container(self, node: ast.Tuple | ast.List | ast.Dict) -> Any:
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return {self.value(key or ast.Name("**", lineno=node.lineno)): self.value(each) for key, each in pairs}
        found = [self.value(each) for each in node.elts]
        return tuple(found) if isinstance(node, ast.Tuple) else found

    def _path_or_secret(self, node: ast.expr) -> Any:
        match node:
            case ast.Call():
                return self._call(node)
            case ast.Attribute(attr="parent") if isinstance(path := self.value(node.value), Path):
                return path.parent
            case ast.BinOp(op=ast.Div()) if isinstance(path := self.value(node.left), Path):
                return path / self.value(node.right)
        raise NotLiteral(node)

    def _call(self, node: ast.Call) -> Any:
        called = dotted(node.func, self._names)
        arguments = [self.value(each) for each in node.args]
        named = {each.arg or "": self.value(each.value) for each in node.keywords}
        try:
            if called in PATHS:
                return Path(*arguments, **named)
            if called in SECRETS:
                return secret(*arguments, **named)
        except TypeError:
            raise NotLiteral(node) from None
        match node.func:
            case ast.Name(id="str") if len(arguments) == 1:
                return str(arguments[0])
            case ast.Attribute(attr="resolve" | "absolute") if not arguments:
                path = self.value(node.func.value)
                if isinstance(path, Path):
                    return path.absolute()
        raise NotLiteral(node)
