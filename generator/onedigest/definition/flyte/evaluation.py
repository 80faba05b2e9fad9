"""The values of expressions in a script, followed through names, functions and modules without running anything."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from onedigest.definition.flyte import literals
from onedigest.definition.flyte.calls import call_value
from onedigest.definition.flyte.chains import ChainedImage
from onedigest.definition.flyte.definition import Refused, Secret
from onedigest.definition.flyte.displays import container, repeated, subscript, text_part
from onedigest.definition.flyte.frames import Class, External, Frame, Function, Instance, TaskEnvironment, fail
from onedigest.definition.flyte.literals import NotLiteral, UnknownValueError
from onedigest.definition.flyte.modules import Module, Modules, NamespacePackage
from onedigest.definition.flyte.scopes import END, Binding, start
from onedigest.errors import InputError

_MOST_DEPTH = 60
_MOST_STEPS = 40_000
_MOST_VALUES = 50
"""How far one expression is followed, how much is looked at for one script, and how many values of one name."""

_REPEATING = ast.ListComp | ast.GeneratorExp
_PLAIN = (str, int, float, bool, type(None), bytes, Path, list, tuple, dict, Secret, Refused)
_RUNNING = object()
_NEW = object()


class Evaluator:
    """Follows expressions; each name, call and function is looked at once."""

    def __init__(self, modules: Modules, place: Path) -> None:
        self.called: set[int] = set()
        self.place = place
        self._modules = modules
        self._known: dict[tuple[int, int], Any] = {}
        self._frames: dict[int, Frame] = {}
        self._kept: list[Frame] = []
        self._depth = self._steps = self._given_up = 0

    @property
    def is_tired(self) -> bool:
        """Tell whether there was more to look at than is looked at."""
        return self._steps > _MOST_STEPS

    def frame(self, module: Module) -> Frame:
        """Return the frame of a module, at its end."""
        if id(module) not in self._frames:
            self._frames[id(module)] = Frame(module, module.names.top)
        return self._frames[id(module)]

    def value(self, node: ast.expr, frame: Frame) -> Any:
        """Return what an expression stands for. Raises `NotLiteral`, and `InputError` for an image that is wrong."""
        self._steps += 1
        if self._steps > _MOST_STEPS or self._depth > _MOST_DEPTH:
            self._given_up += 1
            raise fail(node, frame)
        self._depth += 1
        try:
            return self._call(node, frame) if isinstance(node, ast.Call) else self._value(node, frame)
        except (UnknownValueError, RecursionError, TypeError, ValueError, OverflowError):
            raise fail(node, frame) from None
        finally:
            self._depth -= 1

    def plain(self, node: ast.expr, frame: Frame) -> Any:
        """Return the value of an expression that has one of the kinds that arguments have."""
        value = self.value(node, frame)
        several = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        if not isinstance(value, _PLAIN) or not all(isinstance(each, _PLAIN) for each in several):
            raise fail(node, frame)
        return value

    def is_image(self, node: ast.expr, frame: Frame) -> bool:
        """Tell whether an expression is an image, be it one that cannot be read."""
        try:
            return isinstance(self.value(node, frame), ChainedImage)
        except NotLiteral as error:
            return error.is_image
        except InputError:
            return True

    def is_image_at_times(self, frame: Frame, name: str) -> bool:
        """Tell whether a name with several values has an image among them."""

        def look() -> bool:
            several = [each.node for each in frame.scope.bindings[name][:_MOST_VALUES]]
            return any(self._may_be_image(each, frame) for each in several)

        found: bool = self._once(frame, frame.scope.bindings[name], look) if frame.scope.bindings[name] else False
        return found

    def _may_be_image(self, node: ast.AST | None, frame: Frame) -> bool:
        """Tell whether an expression is an image, or a function returns one."""
        if isinstance(node, ast.FunctionDef):
            scope = frame.module.names.scope(node)
            inner = Frame(frame.module, scope, frame)
            return any(each.value and self.is_image(each.value, inner) for each, _ in scope.returns)
        return isinstance(node, ast.expr) and self.is_image(node, frame)

    def _once(self, frame: Frame, about: object, find: Callable[[], Any]) -> Any:
        """Return what `find` gives, or raise what it raises, looking once; what depends on itself is not known."""
        key = (id(frame), id(about))
        known = self._known.get(key, _NEW)
        if known is _NEW:
            given_up = self._given_up
            self._known[key] = _RUNNING
            self._kept.append(frame)
            try:
                known = find()
            except (NotLiteral, InputError) as error:
                known = error
            except (UnknownValueError, RecursionError):
                known = UnknownValueError()
            self._known[key] = known
            if self._given_up != given_up:  # it may be clear where less was followed before
                del self._known[key]
        if known is _RUNNING:
            raise UnknownValueError
        if isinstance(known, Exception):
            raise known.with_traceback(None)
        return known

    def _value(self, node: ast.expr, frame: Frame) -> Any:  # noqa: C901, PLR0911  one for each kind
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self._name(node, frame)
            case ast.Attribute():
                return self._attribute(self.value(node.value, frame), node.attr)
            case ast.Tuple() | ast.List() | ast.Dict():
                return literals.bounded(container(node, frame, self))
            case ast.JoinedStr():
                parts = [text_part(each, frame, self) for each in node.values]
                return literals.bounded("".join(parts))
            case ast.BinOp():
                return literals.apply_operator(node.op, self.value(node.left, frame), self.value(node.right, frame))
            case ast.UnaryOp(op=ast.USub()) if type(number := self.value(node.operand, frame)) is int:
                return -number
            case ast.Subscript():
                return subscript(node, frame, self)
            case ast.NamedExpr():
                return self.value(node.value, frame)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other, *_]):
                is_image = self.is_image(one, frame) or self.is_image(other, frame)
                raise fail(node, frame, is_image=is_image)
            case ast.Lambda():
                return Function(node, frame)
            case ast.ListComp() | ast.GeneratorExp() if len(node.generators) == 1:
                return repeated(node, node.generators[0], frame, self)
        raise fail(node, frame)

    def _name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.find(node.id, start(node))
        if found is None:
            if node.id == "__file__":
                return str(frame.module.file)
            return self._starred(node.id, frame)
        owner, binding = found
        if isinstance(owner.scope.node, _REPEATING) and node.id in (owner.arguments or {}):
            return (owner.arguments or {})[node.id]
        binding = binding or self._one_import(owner, node.id)
        if binding is None:
            raise fail(node, frame, is_image=self.is_image_at_times(owner, node.id))
        try:
            value = self._once(owner, binding, lambda: self._bound(binding, owner))
        except NotLiteral as error:
            if error.is_image or isinstance(binding.node, ast.arg):
                raise
            raise fail(node, frame) from None
        if _may_have_changed(value, owner, node.id):
            raise fail(node, frame, is_image=isinstance(value, ChainedImage) or _has_image(value))
        return value

    def _one_import(self, owner: Frame, name: str) -> Binding | None:
        """Return the import that brings a name, where several bring the same: one of them works wherever it is run."""
        several = owner.scope.bindings[name]
        if not all(each.origin for each in several):
            return None
        brought = {self._modules.owner(each.origin, owner.module.file) for each in several}
        return several[0] if len(brought) == 1 and None not in {module for module, _ in brought} else None

    def _bound(self, binding: Binding, owner: Frame) -> Any:
        node = binding.node
        if binding.origin:
            return self._imported(binding.origin, owner.module)
        match node:
            case ast.arg():
                value = (owner.arguments or {}).get(node.arg, _NEW)
                if value is _NEW:
                    raise UnknownValueError
                if isinstance(value, Exception):
                    raise value
                return value
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return Function(node, owner)
            case ast.ClassDef():
                return Class(node, owner)
            case ast.expr():
                return self.value(node, owner)
        raise UnknownValueError

    def _starred(self, name: str, frame: Frame) -> Any:
        """Return what a name stands for that no statement gives: of a module that is imported with all its names."""
        top = frame.module.names.top
        for star in reversed(top.stars):
            module = self._modules.find(star, frame.module.file)
            if isinstance(module, Module) and name in module.names.top.bindings and not name.startswith("_"):
                return self._member(module, name)
        return External(f"builtins.{name}")

    def _imported(self, origin: str, importer: Module) -> Any:
        found = self._modules.find(origin, importer.file)
        if found is not None:
            return found
        owner, name = self._modules.owner(origin, importer.file)
        if owner is not None:
            return self._member(owner, name)
        if origin.startswith("."):
            raise UnknownValueError
        return External(origin)

    def _member(self, module: Module | NamespacePackage, name: str) -> Any:
        """Return what a name of another module stands for, when that has run."""
        if isinstance(module, Module) and name in module.names.top.bindings:
            frame = self.frame(module)
            binding = frame.scope.find(name, END)
            if binding is None:
                node = ast.Name(name, lineno=_line(frame, name), col_offset=0)
                raise fail(node, frame, is_image=self.is_image_at_times(frame, name))
            value = self._once(frame, binding, lambda: self._bound(binding, frame))
            if _may_have_changed(value, frame, name):
                raise UnknownValueError
            return value
        child = self._modules.child(module, name)
        if child is None and isinstance(module, Module) and module.names.top.stars:
            return self._starred(name, self.frame(module))
        if child is None:
            raise UnknownValueError
        return child

    def _attribute(self, value: Any, name: str) -> Any:  # noqa: PLR0911  one for each kind
        match value:
            case External():
                return External(f"{value.name}.{name}")
            case Module() | NamespacePackage():
                return self._member(value, name)
            case Class() if value.is_plain() and name in (scope := value.frame.module.names.scope(value.node)).bindings:
                frame = self._inside(value)
                binding = scope.find(name, END)
                if binding is None:
                    raise UnknownValueError
                return self._once(frame, binding, lambda: self._bound(binding, frame))
            case Instance() if name in value.given:
                if isinstance(given := value.given[name], Exception):
                    raise given
                return given
            case Instance():
                return self._attribute(value.of, name)
            case TaskEnvironment() if name == "image" and value.image is not None:
                if isinstance(value.image, Exception):
                    raise value.image
                return value.image
        return literals.attribute(value, name)

    def _inside(self, value: Class) -> Frame:
        scope = value.frame.module.names.scope(value.node)
        key = id(scope)
        if key not in self._frames:
            self._frames[key] = Frame(value.frame.module, scope, value.frame, start(value.node))
        return self._frames[key]

    def _call(self, call: ast.Call, frame: Frame) -> Any:
        """Return what a call gives; those that it stands upon come first, however many there are."""
        waiting = [call]
        while isinstance(func := waiting[-1].func, ast.Attribute) and isinstance(func.value, ast.Call):
            if (id(frame), id(func.value)) in self._known:
                break
            waiting.append(func.value)
        for each in reversed(waiting[1:]):
            try:
                self._once(frame, each, partial(call_value, each, frame, self))
            except (NotLiteral, InputError, UnknownValueError):
                break
        return self._once(frame, call, partial(call_value, call, frame, self))


def _may_have_changed(value: Any, owner: Frame, name: str) -> bool:
    """Tell whether something else than the statement that gives a name its value may change that in place."""
    if isinstance(value, list | dict):
        return name in owner.scope.changed or name in owner.scope.handed
    return name in owner.scope.changed and isinstance(
        value, ChainedImage | Class | Instance | TaskEnvironment | Module | NamespacePackage
    )


def _has_image(value: Any) -> bool:
    return isinstance(value, TaskEnvironment) and isinstance(value.image, ChainedImage)


def _line(frame: Frame, name: str) -> int:
    several = frame.scope.bindings[name]
    return several[-1].position[0] if several else 1
