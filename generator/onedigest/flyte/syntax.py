"""Knows how to find the images of Flyte in a script's text, by its syntax tree: nothing of the script is run."""

from __future__ import annotations

import ast
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest.errors import InputError, Problem
from onedigest.flyte.arguments import check_arguments
from onedigest.flyte.definition import TESTED, Definition
from onedigest.flyte.literals import NotLiteral, dotted, imported_names, literal
from onedigest.flyte.methods import PARAMETERS, extend, first

IMAGE = "flyte.Image"

MOST_CHARACTERS = 512 << 10
"""How long a script may be whose syntax tree is looked at."""

MOST_IMAGES = 250
MOST_CALLS = 250
"""How many images a script may have, and how many calls one of them."""

_RUN = (
    'write it as a literal, or run the script with `flyte.init(image_builder="onedigest")`, which locks the image too'
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of the images of a script: those that could be read, and the problems of those that could not.

    `unread` is why an image can only be read by running the script, `problems` what is wrong whoever reads it.
    """

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()

    def all(self) -> tuple[Definition, ...]:
        """Return all images. Raises `InputError` where one could not be read."""
        if self.problems or self.unread:
            raise InputError((*self.problems, *self.unread))
        return self.definitions


def may_have_images(text: str) -> bool:
    """Tell whether a script is worth a closer look: to parse it takes a moment."""
    return "flyte" in text and "Image.from_" in text


def find_images(text: str, file: Path, shown: str) -> Found:
    """Find the images that a script has Flyte build. `shown` is how messages name the file."""
    if len(text) > MOST_CHARACTERS:
        problem = Problem(f"has more than {MOST_CHARACTERS} characters, which is too long to be read for images", shown)
        return Found((), (problem,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python has to say of a script is for whoever runs it
            tree = ast.parse(text)
    except SyntaxError as error:
        problem = Problem(f"not Python: {error.msg}", f"{shown}:{error.lineno or 1}")
        return Found((), (problem,))
    except (MemoryError, RecursionError, ValueError) as error:
        reason = "it holds a NUL character" if isinstance(error, ValueError) else "it is nested too deeply"
        return Found((), (Problem(f"not Python: {reason}", f"{shown}:1"),))
    return _Reader(tree, file, shown).read()


_Calls = list[tuple[str, ast.Call]]

_UNCLEAR = ""
"""Stands for the constructor where a variable has several values, and only running the script tells which."""


@dataclass(frozen=True, slots=True)
class _Assigned:
    """A value of a variable. `line` is the last one of the statement."""

    line: int
    value: ast.expr
    is_straight: bool


class _Reader:
    def __init__(self, tree: ast.Module, file: Path, shown: str) -> None:
        self._tree = tree
        self._file = file
        self._shown = shown
        self._names = imported_names(tree)
        straight = {id(node) for node in tree.body}
        self._assigned: dict[str, list[_Assigned]] = {}
        calls = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        assigned = _Assigned(node.end_lineno or node.lineno, node.value, id(node) in straight)
                        self._assigned.setdefault(target.id, []).append(assigned)
            elif isinstance(node, ast.Call):
                calls.append(node)
        self._unclear: set[str] = set()
        self._lines: dict[str, list[int]] = {}
        for name, several in self._assigned.items():
            if len(several) > 1 and not all(each.is_straight for each in several):
                self._unclear.add(name)
            several.sort(key=lambda each: each.line)
            self._lines[name] = [each.line for each in several]
        self._images = self._making_images(calls)
        self._calls = [call for call in calls if id(call) in self._images]

    def read(self) -> Found:
        found: dict[Definition, Definition] = {}
        problems: list[Problem] = []
        unread: list[Problem] = []
        for number, call in enumerate(self._outermost(), 1):
            if number > MOST_IMAGES:
                problems.append(Problem(f"has more than {MOST_IMAGES} images", self._shown))
                break
            try:
                definition = self._definition(self._chain(call))
            except NotLiteral as error:
                message = f"the image cannot be read without running the script: `{error.text}` is no literal"
                unread.append(Problem(message, f"{self._shown}:{error.line}", _RUN))
            except InputError as error:
                problems += error.problems
            except OSError as error:  # such as a path that is too long
                problems.append(Problem(f"a path cannot be read: {error.strerror}", f"{self._shown}:{call.lineno}"))
            else:
                if definition:
                    found.setdefault(definition, definition)
        return Found(tuple(found), tuple(problems), tuple(unread))

    def _making_images(self, calls: list[ast.Call]) -> frozenset[int]:
        """Return the calls that make an image: constructors, and methods upon what makes one."""
        above: dict[int, list[int]] = {}
        waiting = []
        for call in calls:
            if self._is_constructor(call):
                waiting.append(id(call))
            for base in self._bases(call):
                above.setdefault(id(base), []).append(id(call))
        found: set[int] = set()
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += above.pop(each, ())
        return frozenset(found)

    def _is_constructor(self, call: ast.Call) -> bool:
        func = call.func
        return isinstance(func, ast.Attribute) and _is_first(func.attr) and dotted(func.value, self._names) == IMAGE

    def _bases(self, call: ast.Call) -> list[ast.Call]:
        """Return the calls whose value a method may be called upon; several where that is not clear."""
        if not isinstance(call.func, ast.Attribute) or _is_first(call.func.attr):
            return []
        value = call.func.value
        if isinstance(value, ast.Name):
            held = self._held(value)
            several = [held] if held else self._assigned.get(value.id, ())
            return [each.value for each in several if isinstance(each.value, ast.Call)]
        return [value] if isinstance(value, ast.Call) else []

    def _outermost(self) -> Iterator[ast.Call]:
        """Yield the last call of each image, but for images that others are made from and nothing else uses."""
        inner = {id(each) for call in self._calls for each in _nested(call)}
        roots = {id(_root(call)) for call in self._calls}
        uses: dict[int, list[bool]] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and (held := self._held(node)):
                uses.setdefault(id(held.value), []).append(id(node) in roots)
        yield from (call for call in self._calls if id(call) not in inner and not all(uses.get(id(call), [False])))

    def _held(self, name: ast.Name) -> _Assigned | None:
        """Return what a variable was last given where it is used; None where that is not clear."""
        if name.id in self._unclear or name.id not in self._lines:
            return None
        lines = self._lines[name.id]
        before = bisect_left(lines, name.lineno)
        return self._assigned[name.id][bisect_left(lines, lines[before - 1])] if before else None

    def _chain(self, call: ast.Call) -> _Calls:
        """Return the calls that make an image, the constructor first. Raises `InputError` for too many."""
        found: _Calls = []
        while len(found) < MOST_CALLS:
            bases = self._bases(call)
            found.append((_method(call), call))
            if self._is_constructor(call):
                return found[::-1]
            if isinstance(value := _value(call), ast.Name) and not self._held(value):
                return [(_UNCLEAR, call), *found[::-1]]
            call = bases[0]
        raise InputError.of(f"the image has more than {MOST_CALLS} steps", where=f"{self._shown}:{call.lineno}")

    def _definition(self, calls: _Calls) -> Definition | None:
        """Return what calls define, None for an image that Flyte takes as it is."""
        (constructor, call), *further = calls
        if constructor == _UNCLEAR:
            raise NotLiteral(_root(call))
        given = self._arguments(constructor, call)
        place = self._file.parent
        if constructor == "from_ref_name":
            if not further:
                return None
            raise NotLiteral(call)
        made = first(constructor, given, place)
        is_changed = bool(further) or constructor in ("from_uv_script", "from_pixi_script", "from_dockerfile")
        if made is None or not (is_changed or given.get("registry") or given.get("name")):
            return None
        made = self._placed(made, 0, call)
        for method, each in further:
            made = self._placed(extend(made, method, self._arguments(method, each), place), len(made.steps), each)
        if not made.name:
            raise InputError.of(
                "the image has no name", where=f"{self._shown}:{call.lineno}", hint="give it one: `.clone(name=…)`"
            )
        return replace(made, file=str(self._file), line=call.lineno)

    @staticmethod
    def _placed(made: Definition, count: int, call: ast.Call) -> Definition:
        """Note the line of a call in the steps that it added."""
        line = call.func.end_lineno or call.lineno
        return replace(made, steps=(*made.steps[:count], *(replace(step, line=line) for step in made.steps[count:])))

    def _arguments(self, method: str, call: ast.Call) -> Mapping[str, Any]:
        """Return the arguments of a call by the names of parameters. Raises `NotLiteral` and `InputError`."""
        names = PARAMETERS.get(method)
        if names is None:
            raise self._unknown(f"`{method}` of `{IMAGE}` is not known here", call)
        found: dict[str, Any] = {}
        several = [name[1:] for name in names if name.startswith("*")]
        positional = [name for name in names if name]
        for number, argument in enumerate(call.args):
            if several:
                value = argument.value if isinstance(argument, ast.Starred) else argument
                read = literal(value, self._names, self._file)
                further = read if isinstance(argument, ast.Starred) else (read,)
                if not isinstance(further, list | tuple):
                    raise NotLiteral(argument)
                found.setdefault(several[0], []).extend(further)
            elif number < len(positional) and not isinstance(argument, ast.Starred):
                found[positional[number]] = literal(argument, self._names, self._file)
            else:
                raise NotLiteral(argument)
        for keyword in call.keywords:
            if keyword.arg is None:
                raise NotLiteral(keyword.value)
            if keyword.arg not in positional:
                raise self._unknown(f"`{method}` has no parameter `{keyword.arg}` that is known here", call)
            found[keyword.arg] = literal(keyword.value, self._names, self._file)
        try:
            check_arguments(method, found)
        except ValueError as error:
            raise self._unknown(str(error), call) from None
        return found

    def _unknown(self, message: str, call: ast.Call) -> InputError:
        return InputError.of(
            message, where=f"{self._shown}:{call.lineno}", hint=f"Flyte {TESTED} is what is known here"
        )


def _nested(call: ast.Call) -> Iterator[ast.Call]:
    """Yield the calls that the methods of a call stand upon."""
    while isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
        call = call.func.value
        yield call


def _root(call: ast.Call) -> ast.expr:
    """Return what the first of several methods is called upon."""
    for below in _nested(call):
        call = below
    return _value(call)


def _is_first(method: str) -> bool:
    """Tell whether a method is a constructor by its name."""
    return method.startswith("from_")


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _value(call: ast.Call) -> ast.expr:
    return call.func.value if isinstance(call.func, ast.Attribute) else call.func
