"""The calls in an image's chain as a definition, once the values of their arguments are known."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest.definition.flyte.arguments import check_arguments
from onedigest.definition.flyte.definition import TESTED, Definition
from onedigest.definition.flyte.literals import NotLiteral
from onedigest.definition.flyte.methods import PARAMETERS, extend, first
from onedigest.definition.flyte.modules import Module
from onedigest.errors import InputError

IMAGES = frozenset(("flyte.Image", "flyte._image.Image"))

MOST_CALLS = 250
"""How many calls an image may be made of."""

_ALWAYS_BUILT = ("from_uv_script", "from_pixi_script", "from_dockerfile")

_UNKNOWN = object()
"""Stands for a value that has no part in a lock, and that only running the script tells."""

_WITHOUT_PART = ("registry", "registry_secret")


@dataclass(frozen=True, slots=True, eq=False)
class ChainedImage:
    """An image as far as it is made. `definition` is None for one that Flyte knows by a name.

    `constructor` is the call that it begins with, and `is_built` tells whether Flyte builds it: it takes others as they
    are. `is_extendable` tells whether Flyte adds layers to it.
    """

    definition: Definition | None
    constructor: ast.Call
    module: Module
    is_built: bool
    is_extendable: bool = True
    count: int = 1

    def finish(self) -> Definition | None:
        """Return the definition, None for an image that Flyte takes as it is. Raises `InputError`."""
        if self.definition is None or not self.is_built:
            return None
        if not self.definition.name:
            raise InputError.of(
                "the image has no name",
                where=f"{self.module.shown}:{self.definition.line}",
                hint="give it one: `.clone(name=…)`",
            )
        return self.definition

    def moved_to(self, module: Module, call: ast.Call) -> ChainedImage:
        """Return the image as one of another file, which says with a call how it is made."""
        if module is self.module or self.definition is None:
            return self
        steps = tuple(replace(step, line=0) for step in self.definition.steps)
        definition = replace(self.definition, steps=steps, file=str(module.file), line=call.lineno)
        return replace(self, definition=definition, module=module)


def is_constructor(name: str) -> bool:
    """Tell whether a dotted name is that of a constructor."""
    owner, _, method = name.rpartition(".")
    return owner in IMAGES and method.startswith("from_")


def apply_constructor(
    method: str, call: ast.Call, module: Module, place: Path, value: Callable[[ast.expr], Any]
) -> ChainedImage:
    """Return the image that a constructor gives. Raises `NotLiteral` and `InputError`."""
    given = _arguments(method, call, module, value)
    if method == "from_ref_name":
        return ChainedImage(None, call, module, is_built=False)
    made = first(method, _known(given), place)
    if made is None:
        raise _unknown(f"`{method}` of `flyte.Image` is not known here", call=call, module=module)
    is_built = method in _ALWAYS_BUILT or bool(given.get("registry") or given.get("name"))
    is_built |= given.get("install_flyte", True) is False  # Flyte publishes none of these
    made = replace(_placed(made, 0, call), file=str(module.file), line=call.lineno)
    return ChainedImage(made, call, module, is_built, is_extendable=method != "from_base")


def apply_method(
    made: ChainedImage, method: str, call: ast.Call, module: Module, place: Path, value: Callable[[ast.expr], Any]
) -> ChainedImage:
    """Return the image that a method gives. Raises `NotLiteral` and `InputError`."""
    if made.count >= MOST_CALLS:
        where = f"{module.shown}:{call.lineno}"
        hint = "name several packages or commands in one step"
        raise InputError.of(f"the image has more than {MOST_CALLS} steps", where=where, hint=hint)
    if made.definition is None:
        raise NotLiteral(made.constructor, made.module.shown, is_image=True)
    given = _arguments(method, call, module, value)
    made = made.moved_to(module, call)
    before = made.definition
    assert before is not None
    definition = _placed(extend(before, method, _known(given), place), len(before.steps), call)
    is_extendable = made.is_extendable
    if method == "clone" and given.get("extendable") is not None:
        is_extendable = given["extendable"]
    if len(definition.steps) > len(before.steps) and not made.is_extendable:
        raise InputError.of(
            f"Flyte adds nothing by `{method}` to an image that is not extendable",
            where=f"{module.shown}:{call.func.end_lineno or call.lineno}",
            hint="write `.clone(name=…, extendable=True)` before it",
        )
    return replace(made, definition=definition, is_built=True, is_extendable=is_extendable, count=made.count + 1)


def _placed(made: Definition, count: int, call: ast.Call) -> Definition:
    """Note the line of a call in the steps that it added."""
    line = call.func.end_lineno or call.lineno
    return replace(made, steps=(*made.steps[:count], *(replace(step, line=line) for step in made.steps[count:])))


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as a definition has them: a registry that is not known is none, and a secret is one."""
    return {name: ("" if name == "registry" else True) if value is _UNKNOWN else value for name, value in given.items()}


def _arguments(method: str, call: ast.Call, module: Module, value: Callable[[ast.expr], Any]) -> Mapping[str, Any]:
    """Return the arguments of a call by the names of parameters."""
    names = PARAMETERS.get(method)
    if names is None:
        raise _unknown(f"`{method}` of `flyte.Image` is not known here", call=call, module=module)
    found: dict[str, Any] = {}
    several = [name[1:] for name in names if name.startswith("*")]
    positional = [name for name in names if name and not name.startswith("*")]
    for argument in _spread(call, module, value):
        number = len(found)
        if several:
            read = _read("", argument, value)
            found.setdefault(several[0], []).append(read)
        elif number < len(positional):
            found[positional[number]] = _read(positional[number], argument, value)
        else:
            raise NotLiteral(call, module.shown)
    for name, keyword in _named(call, module, value):
        if name not in positional:
            raise _unknown(f"`{method}` has no parameter `{name}` that is known here", call=call, module=module)
        found[name] = _read(name, keyword, value)
    try:
        check_arguments(method, {name: each for name, each in found.items() if each is not _UNKNOWN})
    except ValueError as error:
        raise _unknown(*error.args, call=call, module=module) from None
    return found


def _read(name: str, argument: Any, value: Callable[[ast.expr], Any]) -> Any:
    if not isinstance(argument, ast.expr):
        return argument
    try:
        return value(argument)
    except NotLiteral:
        if name in _WITHOUT_PART:
            return _UNKNOWN
        raise


def _spread(call: ast.Call, module: Module, value: Callable[[ast.expr], Any]) -> list[Any]:
    """Return the arguments that have no name: expressions, and values where one stands for several."""
    found: list[Any] = []
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            several = value(argument.value)
            if not isinstance(several, list | tuple):
                raise NotLiteral(argument, module.shown)
            found += several
        else:
            found.append(argument)
    return found


def _named(call: ast.Call, module: Module, value: Callable[[ast.expr], Any]) -> list[tuple[str, Any]]:
    """Return the arguments that have names."""
    found: list[tuple[str, Any]] = []
    for keyword in call.keywords:
        if keyword.arg is not None:
            found.append((keyword.arg, keyword.value))
            continue
        table = value(keyword.value)
        if not isinstance(table, dict) or not all(isinstance(key, str) for key in table):
            raise NotLiteral(keyword.value, module.shown)
        found += table.items()
    return found


def _unknown(
    message: str, hint: str = f"Flyte {TESTED} is what is known here", *, call: ast.Call, module: Module
) -> InputError:
    return InputError.of(message, where=f"{module.shown}:{call.lineno}", hint=hint)
