"""The results of calls, without running them: images, environments of Flyte, what the project's functions return."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from onedigest.definition.flyte import literals
from onedigest.definition.flyte.chains import ChainedImage, apply_constructor, apply_method, is_constructor
from onedigest.definition.flyte.frames import (
    Class,
    ExpressionReader,
    External,
    Frame,
    Function,
    Instance,
    TaskEnvironment,
    fail,
    starred_items,
    value_or_reason,
)
from onedigest.definition.flyte.literals import NotLiteral
from onedigest.definition.flyte.methods import WHEELS
from onedigest.definition.flyte.modules import Module, NamespacePackage
from onedigest.definition.flyte.scopes import last_name, start
from onedigest.errors import InputError

IMAGE_POSITION = 8
"""The place of `image` among the parameters of an environment (`flyte._environment.Environment`)."""

_OF_TASKS = ("task", "trace")
"""The decorators of what runs in a cluster, which gives no image here."""

_ENVIRONMENT = "Environment"
"""How the names of all classes of environments end."""

_TASK = "ContainerTask"
"""A task that has an image itself, and gives it to an environment that is made from it."""

_WHEELS = "flyte._image.PythonWheels"
"""A layer that is given to `clone`; what it is made of has no part in what becomes of it."""


def call_value(call: ast.Call, frame: Frame, follow: ExpressionReader) -> Any:  # noqa: PLR0911  one for each kind
    """Return what a call gives. Raises `NotLiteral`, and `InputError` for an image that is wrong."""
    if isinstance(call.func, ast.Attribute):
        owner = follow.value(call.func.value, frame)
        method = call.func.attr
        if isinstance(owner, ChainedImage):
            return _image(
                call, frame, follow, lambda read: apply_method(owner, method, call, frame.module, follow.place, read)
            )
        if isinstance(owner, TaskEnvironment) and method == "clone_with":
            return _environment(call, frame, follow, like=owner)
        if not isinstance(owner, External | Module | NamespacePackage | Class | Instance):
            return literals.call_method(owner, method, *_arguments(call, frame, follow), follow.place)
    called = follow.value(call.func, frame)
    match called:
        case External():
            return WHEELS if called.name == _WHEELS else _external(called.name, call, frame, follow)
        case Function():
            return _function(called, call, frame, follow)
        case Class() if any(map(_names_environment, (called.node.name, *map(last_name, called.node.bases)))):
            return _environment(call, frame, follow)
        case Class() if called.has_instances() and not call.args and all(each.arg for each in call.keywords):
            given = {str(each.arg): _or_reason(each.value, frame, follow) for each in call.keywords}
            return Instance(called, given)
    raise fail(call, frame)


def _external(name: str, call: ast.Call, frame: Frame, follow: ExpressionReader) -> Any:
    owner, _, last = name.rpartition(".")
    if is_constructor(name):
        return _image(call, frame, follow, lambda read: apply_constructor(last, call, frame.module, follow.place, read))
    if _names_environment(last):
        return _environment(call, frame, follow)
    if last == _TASK:
        return replace(_environment(call, frame, follow), name="")
    if last == "from_task" and _names_environment(owner):
        return _environment(call, frame, follow, task=call.args[1] if len(call.args) > 1 else None)
    if not literals.is_known(name):
        if any(each.arg == "image" for each in call.keywords):  # such as a task that is a container
            return replace(_environment(call, frame, follow), name="")
        raise fail(call, frame)
    return literals.call_function(name, *_arguments(call, frame, follow), follow.place)


def _image(
    call: ast.Call, frame: Frame, follow: ExpressionReader, make: Callable[[Callable[[ast.expr], Any]], ChainedImage]
) -> ChainedImage:
    try:
        return make(lambda node: follow.plain(node, frame))
    except NotLiteral as error:
        raise NotLiteral(error.node, error.shown, is_image=True) from None
    except OSError as error:  # such as a path that is too long
        where = f"{frame.module.shown}:{call.lineno}"
        raise InputError.of(f"a path cannot be read: {error.strerror}", where=where) from None


def _environment(
    call: ast.Call,
    frame: Frame,
    follow: ExpressionReader,
    *,
    like: TaskEnvironment | None = None,
    task: ast.expr | None = None,
) -> TaskEnvironment:
    named: dict[str, ast.expr | Any] = {}
    for keyword in call.keywords:
        if keyword.arg:
            named[keyword.arg] = keyword.value
        elif isinstance(table := _or_reason(keyword.value, frame, follow), dict):
            named |= table
    position = 1 if like else IMAGE_POSITION
    if call.args and not isinstance(call.args[0], ast.Starred):
        named.setdefault("name", call.args[0])
    if len(call.args) > position and not any(isinstance(each, ast.Starred) for each in call.args):
        named.setdefault("image", call.args[position])
    name = _or_reason(named.get("name"), frame, follow)
    image = _or_reason(named["image"], frame, follow) if "image" in named else like.image if like else None
    if task is not None and isinstance(made := _or_reason(task, frame, follow), TaskEnvironment):
        image = made.image
    if isinstance(image, External) and not image.name.startswith("builtins."):
        image = fail(named["image"], frame)
    known = isinstance(image, ChainedImage | NotLiteral | InputError)
    return TaskEnvironment(name if isinstance(name, str) else "", image if known else None)


def _or_reason(node: Any, frame: Frame, follow: ExpressionReader) -> Any:
    """Return the value of an expression, or why it is not known; what is no expression is a value already."""
    return value_or_reason(node, lambda each: follow.value(each, frame)) if isinstance(node, ast.expr) else node


def _function(function: Function, call: ast.Call, frame: Frame, follow: ExpressionReader) -> Any:
    decorators = function.decorators()
    if any(each in _OF_TASKS for each in decorators):
        raise fail(call, frame)
    returned = None if decorators else function.returned()
    bound = function.bind(call, lambda node: follow.value(node, frame), lambda node: follow.value(node, function.frame))
    scope = function.frame.module.names.scope(function.node)
    time = frame.time_in(function.frame, start(call))
    inner = Frame(function.frame.module, scope, function.frame, time, bound or {})
    follow.called.add(id(function.node))
    if bound is None or returned is None:
        raise fail(call, frame, is_image=_returns_image(inner, follow))
    try:
        value = follow.value(returned, inner)
    except NotLiteral as error:
        if error.is_image:
            raise
        raise fail(call, frame) from None
    has_arguments = bool(call.args or call.keywords)
    return value.moved_to(frame.module, call) if isinstance(value, ChainedImage) and has_arguments else value


def _returns_image(inner: Frame, follow: ExpressionReader) -> bool:
    """Tell whether one of the values that a function may return is an image."""
    for each, _ in inner.scope.returns:
        try:
            if each.value and isinstance(follow.value(each.value, inner), ChainedImage):
                return True
        except NotLiteral as error:
            if error.is_image:
                return True
        except InputError:
            return True
    return False


def _arguments(call: ast.Call, frame: Frame, follow: ExpressionReader) -> tuple[list[Any], dict[str, Any]]:
    """Return the values of arguments."""
    found: list[Any] = []
    for each in call.args:
        if isinstance(each, ast.Starred):
            found += starred_items(each, frame, follow.plain)
        else:
            found.append(follow.plain(each, frame))
    named: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise fail(keyword.value, frame)
        named[keyword.arg] = follow.plain(keyword.value, frame)
    return found, named


def _names_environment(name: str) -> bool:
    return name.endswith(_ENVIRONMENT)
