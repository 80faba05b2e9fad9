"""The operations on values that have a result without running a script: paths, texts, lists and tables."""

from __future__ import annotations

import ast
import os
import posixpath
import re
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from onedigest.definition.flyte.methods import secret
from onedigest.untrusted import without_secrets

_LONGEST = 200
"""How much of an expression messages quote."""

_MOST_TEXT = 1 << 20
_MOST_PATH = 4096
_MOST_PARTS = 10_000
"""How long a text or a path, and how large a list or table may become."""

_OF_TEXTS = ("lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split", "splitlines", "strip", "upper")


class NotLiteral(Exception):
    """An expression whose value only running the script tells; `is_image` where an image depends on it.

    `is_changed` tells of one that is known, and that another statement may change.
    """

    def __init__(self, node: ast.expr, shown: str = "", *, is_image: bool = False, is_changed: bool = False) -> None:
        super().__init__()
        self.is_changed = is_changed
        self.node = node
        self.shown = shown
        self.is_image = is_image

    @property
    def text(self) -> str:
        """The expression as messages quote it."""
        try:
            text = without_secrets(ast.unparse(self.node))
        except (RecursionError, ValueError):
            return "…"
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class UnknownValueError(Exception):
    """An operation whose result is not known here."""


def bounded(value: Any) -> Any:
    """Return a value. Raises `UnknownValueError` for one that is too large."""
    if isinstance(value, Path):
        too_large = len(str(value)) > _MOST_PATH
    elif isinstance(value, str | bytes):
        too_large = len(value) > _MOST_TEXT
    else:
        too_large = isinstance(value, list | tuple | dict) and len(value) > _MOST_PARTS
    if too_large:
        raise UnknownValueError
    return value


def as_text(value: Any) -> str:
    """Return what `str` and f-strings make of a value."""
    if isinstance(value, str | Path) or type(value) in (int, float, bool):
        return str(value)
    raise UnknownValueError


def apply_operator(operator: ast.operator, left: Any, right: Any) -> Any:
    """Return what an operator makes of two values."""
    match operator:
        case ast.Div() if isinstance(left, Path) and isinstance(right, str | Path):
            return bounded(left / bounded(right))
        case ast.Div() if isinstance(left, str) and isinstance(right, Path):
            return bounded(left / right)
        case ast.Add() if type(left) is type(right) and isinstance(left, str | list | tuple):
            return bounded(left + right)
        case ast.BitOr() if isinstance(left, dict) and isinstance(right, dict):
            return bounded(left | right)
    raise UnknownValueError


def attribute(value: Any, name: str) -> Any:
    """Return an attribute of a path."""
    if isinstance(value, Path):
        match name:
            case "parent":
                return value.parent
            case "parents":
                return tuple(value.parents)
            case "name" | "stem" | "suffix":
                return getattr(value, name)
    raise UnknownValueError


def item(value: Any, key: Any) -> Any:
    """Return a part of a list or table."""
    try:
        if isinstance(value, dict) or (isinstance(value, list | tuple | str) and isinstance(key, int | slice)):
            found: Any = value[key]
            return found
    except (LookupError, TypeError, ValueError):
        pass
    raise UnknownValueError


def call_method(  # noqa: PLR0911  one for each kind
    value: Any, name: str, arguments: Sequence[Any], named: Mapping[str, Any], place: Path
) -> Any:
    """Return what a method of a path, a text, a list or a table gives; `place` is what relative paths are below."""
    _refuse_large(value, arguments, named)
    try:
        match value:
            case Path() if name in ("resolve", "absolute"):
                return _resolved(place / value) if name == "resolve" else place / value
            case Path() if name in ("joinpath", "with_name", "with_suffix", "with_stem", "as_posix", "relative_to"):
                return bounded(getattr(value, name)(*arguments, **named))
            case str() if name == "join" and not named:
                (several,) = arguments
                return bounded(value.join(several))
            case str() if name == "format":
                return _formatted(value, arguments, named)
            case str() if name in _OF_TEXTS and not named:
                return bounded(getattr(value, name)(*arguments))
            case dict() if name == "get" and not named:
                return value.get(*arguments)
            case dict() if name in ("items", "keys", "values") and not (arguments or named):
                return list(getattr(value, name)())
            case list() | dict() if name == "copy" and not (arguments or named):
                return value.copy()
    except (TypeError, ValueError, OSError, RuntimeError, MemoryError, OverflowError):
        pass
    raise UnknownValueError


def is_known(name: str) -> bool:
    """Tell whether a function that an import names is one of those whose results are known."""
    return name in _FUNCTIONS or name in _OF_PLACE


def call_function(name: str, arguments: Sequence[Any], named: Mapping[str, Any], place: Path) -> Any:
    """Return what a function that an import names gives. Raises `UnknownValueError`."""
    _refuse_large("", arguments, named)
    try:
        if name in _FUNCTIONS:
            return bounded(_FUNCTIONS[name](*arguments, **named))
        if name in _OF_PLACE:
            (path,) = arguments
            joined = os.path.normpath(place / path)
            return str(_resolved(Path(joined))) if name.endswith("realpath") else joined
    except (TypeError, ValueError, OSError, RuntimeError, MemoryError, OverflowError):
        pass
    raise UnknownValueError


def _refuse_large(value: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Raise `UnknownValueError` for values that could become too large together."""
    times = max(1, value.count("{")) if isinstance(value, str) else 1
    if sum(map(_weight, (*arguments, *named.values()))) * times + _weight(value) > _MOST_TEXT:
        raise UnknownValueError


def _weight(value: Any) -> int:
    if isinstance(value, list | tuple | dict):
        return sum(len(each) + 1 if isinstance(each, str) else 1 for each in value)
    return len(value) if isinstance(value, str) else 1


def _resolved(path: Path) -> Path:
    return path.resolve()


def _formatted(text: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return what `str.format` makes of plain fields."""
    for _, name, specification, conversion in string.Formatter().parse(text):
        if (
            specification
            or conversion
            or not (name is None or name.isidentifier() or name in ("", *map(str, range(10))))
        ):
            raise UnknownValueError
    return str(bounded(text.format(*map(as_text, arguments), **{key: as_text(each) for key, each in named.items()})))


def _path(*parts: Any) -> Path:
    if not all(isinstance(each, str | PurePath) for each in parts):
        raise UnknownValueError
    return Path(*parts)


def _text(value: Any = "") -> str:
    return as_text(value)


def _joined(*parts: Any) -> str:
    return str(posixpath.join(*(os.fspath(each) for each in parts)))


def _list(value: Any = ()) -> list[Any]:
    if not isinstance(value, list | tuple | dict):
        raise UnknownValueError
    return list(value)


def _number(value: Any) -> int:
    if type(value) is int:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
        raise UnknownValueError
    return int(value)


def _sorted(value: Any) -> list[str]:
    if not isinstance(value, list | tuple | dict) or not all(isinstance(each, str) for each in value):
        raise UnknownValueError
    return sorted(value)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("pathlib.Path", "pathlib.PosixPath"), _path),
    **dict.fromkeys(("flyte.Secret", "flyte._secret.Secret"), secret),
    **dict.fromkeys(("os.path.join", "posixpath.join"), _joined),
    **dict.fromkeys(("os.path.dirname", "posixpath.dirname"), lambda path: posixpath.dirname(os.fspath(path))),
    **dict.fromkeys(("os.path.basename", "posixpath.basename"), lambda path: posixpath.basename(os.fspath(path))),
    **dict.fromkeys(("os.path.normpath", "posixpath.normpath"), lambda path: posixpath.normpath(os.fspath(path))),
    "os.fspath": lambda path: str(os.fspath(path)),
    "builtins.int": _number,
    "builtins.str": _text,
    "builtins.list": _list,
    "builtins.tuple": lambda value=(): tuple(_list(value)),
    "builtins.dict": lambda value=(), **named: {**dict(value), **named},
    "builtins.sorted": _sorted,
}

_OF_PLACE = frozenset(f"{module}.{name}" for module in ("os.path", "posixpath") for name in ("abspath", "realpath"))
