"""The values of names while a module is read: frames of scopes, functions, classes and environments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from onedigest.definition.flyte.chains import ChainedImage
from onedigest.definition.flyte.literals import NotLiteral
from onedigest.definition.flyte.modules import Module
from onedigest.definition.flyte.scopes import END, Binding, Position, Scope, last_name
from onedigest.errors import InputError

_CACHING = ("cache", "lru_cache", "staticmethod")
"""Decorators that leave what a function returns as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A scope while it is read. `time` is where in the frame above it runs, `arguments` what its parameters are."""

    module: Module
    scope: Scope
    above: Frame | None = None
    time: Position = END
    arguments: Mapping[str, Any] | None = None

    def find(self, name: str, position: Position) -> tuple[Frame, Binding | None] | None:
        """Return the frame of a name and what it stands for, None for what is not clear; None for an unknown name."""
        frame: Frame | None = self
        while frame:
            if name in frame.scope.bindings and (frame is self or not isinstance(frame.scope.node, ast.ClassDef)):
                return frame, frame.scope.find(name, position)
            position = frame.time
            frame = frame.above
        return None

    def time_in(self, frame: Frame, position: Position) -> Position:
        """Return where in a frame above something runs that runs here at a position."""
        each: Frame | None = self
        while each and each is not frame:
            position = each.time
            each = each.above
        return position if each else END


class ExpressionReader(Protocol):
    """Follows expressions: `value` is what one stands for, `plain` the value that an argument may have."""

    called: set[int]
    place: Path

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """Return what an expression stands for."""

    def plain(self, node: ast.expr, frame: Frame) -> Any:
        """Return the value of an expression that has one of the kinds that arguments have."""


def fail(node: ast.expr, frame: Frame, *, is_image: bool = False) -> NotLiteral:
    """Return that only running the script tells what an expression of a frame stands for."""
    return NotLiteral(node, frame.module.shown, is_image=is_image)


def starred_items(node: ast.Starred, frame: Frame, read: Callable[[ast.expr, Frame], Any]) -> Sequence[Any]:
    """Return the values that a starred expression stands for. Raises `NotLiteral`."""
    several = read(node.value, frame)
    if not isinstance(several, list | tuple):
        raise fail(node.value, frame)
    return several


@dataclass(frozen=True, slots=True)
class External:
    """What an import brings that is not of the project, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the project."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    frame: Frame

    def returned(self) -> ast.expr | None:
        """Return the one expression that it returns, None where that is not so."""
        if isinstance(self.node, ast.Lambda):
            return self.node.body
        scope = self.frame.module.names.scope(self.node)
        if isinstance(self.node, ast.AsyncFunctionDef) or scope.is_generator or len(scope.returns) != 1:
            return None
        found, block = scope.returns[0]
        return found.value if block[1] == END else None

    def decorators(self) -> list[str]:
        """Return the names of decorators that make something else of it."""
        several = [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list
        named = [last_name(each.func if isinstance(each, ast.Call) else each) for each in several]
        return [each for each in named if each not in _CACHING]

    def bind(
        self, call: ast.Call, value: Callable[[ast.expr], Any], own: Callable[[ast.expr], Any]
    ) -> dict[str, Any] | None:
        """Return what the parameters are in a call, None where that is not clear. Errors stand for what is not known.

        `value` gives the value of what the call has, `own` that of defaults.
        """
        parameters = self.node.args
        names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
        found = self.defaults(own)
        if len(call.args) > len(names) and not parameters.vararg:
            return None
        if any(isinstance(each, ast.Starred) for each in call.args) or any(not each.arg for each in call.keywords):
            return None
        given = [value_or_reason(each, value) for each in call.args]
        found |= dict(zip(names, given, strict=False))
        if parameters.vararg:
            rest = given[len(names) :]
            failed = [each for each in rest if isinstance(each, Exception)]
            found[parameters.vararg.arg] = failed[0] if failed else tuple(rest)
        known = {*names, *(each.arg for each in parameters.kwonlyargs)}
        for keyword in call.keywords:
            if keyword.arg not in known or keyword.arg is None:
                return None
            found[keyword.arg] = value_or_reason(keyword.value, value)
        return found

    def defaults(self, value: Callable[[ast.expr], Any]) -> dict[str, Any]:
        """Return what the parameters are that have a value of their own."""
        return {name: value_or_reason(node, value) for name, node in _defaults(self.node.args)}


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the project."""

    node: ast.ClassDef
    frame: Frame

    def is_plain(self) -> bool:
        """Tell whether its attributes are what its body gives them."""
        named = [each.func if isinstance(each, ast.Call) else each for each in self.node.decorator_list]
        return not (self.node.bases or self.node.keywords) and all(last_name(each) == "dataclass" for each in named)

    def has_instances(self) -> bool:
        """Tell whether instances have what they are given, and else the attributes of the class."""
        names = self.frame.module.names.scope(self.node).bindings
        return self.is_plain() and not any(name.startswith("__") and name != "__slots__" for name in names)


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An instance of a class of the project; what it was given may be why that is not known."""

    of: Class
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class TaskEnvironment:
    """An environment of Flyte; its name is empty where it is not known. `image` may be why it is not known."""

    name: str
    image: ChainedImage | Exception | None


def _defaults(parameters: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*parameters.posonlyargs, *parameters.args]
    first = len(positional) - len(parameters.defaults)
    for each, node in zip(positional[first:], parameters.defaults, strict=True):
        yield each.arg, node
    for each, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if default:
            yield each.arg, default


def value_or_reason(node: ast.expr, value: Callable[[ast.expr], Any]) -> Any:
    """Return the value of an expression, or the error that says why it is not known."""
    try:
        return value(node)
    except (NotLiteral, InputError) as error:
        return error
