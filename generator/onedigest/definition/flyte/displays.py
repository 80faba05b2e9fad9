"""The contents of lists, tables, comprehensions and f-strings, and the value of one of their parts."""

from __future__ import annotations

import ast
from typing import Any

from onedigest.definition.flyte import literals
from onedigest.definition.flyte.chains import ChainedImage
from onedigest.definition.flyte.frames import ExpressionReader, Frame, fail, starred_items
from onedigest.definition.flyte.literals import NotLiteral, UnknownValueError
from onedigest.definition.flyte.scopes import start
from onedigest.errors import InputError


def text_part(node: ast.expr, frame: Frame, follow: ExpressionReader) -> str:
    """Return a part of an f-string."""
    if isinstance(node, ast.FormattedValue) and node.conversion in (-1, ord("s")) and not node.format_spec:
        node = node.value
    elif not isinstance(node, ast.Constant):
        raise UnknownValueError
    return str(literals.bounded(literals.as_text(follow.value(node, frame))))


def container(node: ast.Tuple | ast.List | ast.Dict, frame: Frame, follow: ExpressionReader) -> Any:
    """Return a list, a tuple or a table."""
    if isinstance(node, ast.Dict):
        table: dict[Any, Any] = {}
        for key, each in zip(node.keys, node.values, strict=True):
            value = _element(each, frame, follow)
            if key is not None:
                table[_key(follow.value(key, frame))] = value
            elif isinstance(value, dict):
                table |= value
            else:
                raise fail(each, frame)
        return table
    found: list[Any] = []
    for each in node.elts:
        if isinstance(each, ast.Starred):
            found += literals.bounded(starred_items(each, frame, follow.value))
        else:
            found.append(_element(each, frame, follow))
    return tuple(found) if isinstance(node, ast.Tuple) else found


def _element(node: ast.expr, frame: Frame, follow: ExpressionReader) -> Any:
    """Return a part of a list or table; of an image that cannot be read, why."""
    try:
        return follow.value(node, frame)
    except InputError as error:
        return error
    except NotLiteral as error:
        if error.is_image:
            return error
        raise


def repeated(
    node: ast.ListComp | ast.GeneratorExp, part: ast.comprehension, frame: Frame, follow: ExpressionReader
) -> list[Any]:
    """Return what a comprehension of plain values gives."""
    several = follow.plain(part.iter, frame)
    if part.ifs or part.is_async or not isinstance(several, list | tuple | dict):
        raise UnknownValueError
    scope, found = frame.module.names.scope(node), []
    for each in several:
        parts: list[tuple[ast.expr, Any]] = [(part.target, each)]
        if isinstance(part.target, ast.Tuple) and isinstance(each, list | tuple):
            parts = list(zip(part.target.elts, each, strict=False))
            if not len(parts) == len(each) == len(part.target.elts):
                raise UnknownValueError
        if not all(isinstance(target, ast.Name) for target, _ in parts):
            raise UnknownValueError
        given = {target.id: value for target, value in parts if isinstance(target, ast.Name)}
        found.append(follow.plain(node.elt, Frame(frame.module, scope, frame, start(node), given)))
    return found


def subscript(node: ast.Subscript, frame: Frame, follow: ExpressionReader) -> Any:
    """Return a part of a list or a table."""
    value = follow.value(node.value, frame)
    try:
        found = literals.item(value, _index(node.slice, frame, follow))
    except (NotLiteral, UnknownValueError):
        several = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        is_image = any(isinstance(each, ChainedImage | NotLiteral | InputError) for each in several)
        raise fail(node, frame, is_image=is_image) from None
    if isinstance(found, NotLiteral | InputError):
        raise found
    return found


def _index(node: ast.expr, frame: Frame, follow: ExpressionReader) -> Any:
    if isinstance(node, ast.Slice):
        return slice(*(each and follow.value(each, frame) for each in (node.lower, node.upper, node.step)))
    return follow.value(node, frame)


def _key(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        raise UnknownValueError from None
    return value
