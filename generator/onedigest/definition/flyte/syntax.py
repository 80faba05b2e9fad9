"""The images of Flyte in a script's text, found in its syntax tree: nothing of the script is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from onedigest.checkout import find_repository
from onedigest.definition.flyte.chains import ChainedImage
from onedigest.definition.flyte.definition import Definition, Refused
from onedigest.definition.flyte.evaluation import Evaluator
from onedigest.definition.flyte.frames import Frame, Function, TaskEnvironment
from onedigest.definition.flyte.literals import NotLiteral
from onedigest.definition.flyte.modules import Module, Modules, parse
from onedigest.definition.flyte.relevant_names import Relevance, mentions, root_name
from onedigest.definition.flyte.scopes import END, Scope, start
from onedigest.errors import InputError, Problem

MOST_IMAGES = 250
"""How many images a script may have."""

_RUN = (
    'write it as a literal, or run the script with `flyte.init(image_builder="onedigest")`, which locks the image too'
)
_TIRED = "the images cannot all be read without running the script: too many expressions depend on each other"


@dataclass(frozen=True, slots=True)
class FoundImages:
    """What was found of the images of a script: those that could be read, and the problems of those that could not.

    `unread` is why an image can only be read by running the script, `problems` what is wrong whoever reads it. `read`
    are the modules that all this stands in, besides the script.
    """

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()
    read: tuple[Path, ...] = ()

    def all(self) -> tuple[Definition, ...]:
        """Return all images. Raises `InputError` where one could not be read."""
        if self.problems or self.unread:
            raise InputError((*self.problems, *self.unread))
        return self.definitions


def find_images(text: str, file: Path, shown: str, root: Path | None = None) -> FoundImages:
    """Find the images that a script has Flyte build. `shown` is how messages name the file.

    Modules that it imports are read where they are below `root`, or else in its repository.
    """
    module = parse(text, file, shown)
    if isinstance(module, Problem):
        return FoundImages((), (module,))
    below = root or find_repository(file.parent) or file.parent
    modules = Modules(file, shown, below)
    return replace(_SyntaxReader(module, modules).read(), read=modules.files())


class _SyntaxReader:
    """Reads one script."""

    def __init__(self, module: Module, modules: Modules) -> None:
        self._module = module
        self._names = module.names
        self._follow = Evaluator(modules, module.file.parent)
        self._relevant = Relevance(modules).names(module)
        self._frames: dict[int, Frame] = {id(self._names.top): self._follow.frame(module)}
        self._images: dict[int, ChainedImage | NotLiteral | InputError] = {}
        self._environments: list[tuple[TaskEnvironment, Scope]] = []
        self._found: dict[Definition, Definition] = {}
        self._problems: dict[Problem, None] = {}
        self._unread: dict[Problem, None] = {}
        self._unsettled: set[tuple[int, str]] = set()

    def read(self) -> FoundImages:
        self._look_at_calls()
        for number, call in enumerate(self._outermost(), 1):
            if number > MOST_IMAGES:
                self._problems[
                    Problem(f"has more than {MOST_IMAGES} images", self._module.shown, "split the script")
                ] = None
                break
            self._take(self._images[id(call)])
        self._take_environments()
        if self._follow.is_tired:
            self._unread[Problem(_TIRED, f"{self._module.shown}:1", _RUN)] = None
        return FoundImages(tuple(self._found.values()), tuple(self._problems), tuple(self._unread))

    def _look_at_calls(self) -> None:
        """Look at all calls: what the module itself does comes first, since functions run after it."""
        changed = {
            id(each.node) for scope in self._names.scopes() for name in scope.changed for each in scope.bindings[name]
        }
        calls = [each for each in self._names.calls if self._is_worth_a_look(each[0])]
        for call, scope in sorted(calls, key=lambda each: each[1].above is not None):
            try:
                value = self._follow.value(call, self._frame(scope))
            except InputError as error:
                self._images[id(call)] = error
            except NotLiteral as error:
                if error.is_image:
                    self._images[id(call)] = error
            else:
                if isinstance(value, ChainedImage):
                    own = NotLiteral(call, self._module.shown, is_changed=True) if id(call) in changed else value
                    self._images[id(call)] = own
                elif isinstance(value, TaskEnvironment) and id(call) not in changed:
                    self._environments.append((value, scope))

    def _is_worth_a_look(self, call: ast.Call) -> bool:
        given = (*call.args, *(each.value for each in call.keywords))
        is_relevant = any(root_name(each) in self._relevant for each in (call, *given))
        return is_relevant or any(each.arg == "image" for each in call.keywords)

    def _frame(self, scope: Scope) -> Frame:
        """Return the frame of a scope that runs by itself: parameters are what they are without arguments."""
        waiting = []
        each = scope
        while id(each) not in self._frames and each.above:
            waiting.append(each)
            each = each.above
        frame = self._frames[id(each)]
        for each in reversed(waiting):
            arguments = None
            time = start(each.node)
            if isinstance(each.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                time = END
                arguments = Function(each.node, frame).defaults(partial(self._read_in, frame))
            frame = self._frames[id(each)] = Frame(self._module, each, frame, time, arguments)
        return frame

    def _read_in(self, frame: Frame, node: ast.expr) -> Any:
        return self._follow.value(node, frame)

    def _take(self, made: ChainedImage | NotLiteral | InputError) -> Definition | None:
        """Note what became of an image; return its definition, if Flyte builds it."""
        try:
            if not isinstance(made, ChainedImage):
                raise made
            definition = made.finish()
        except NotLiteral as error:
            self._unread[_unread(error)] = None
        except InputError as error:
            self._problems |= dict.fromkeys(error.problems)
        else:
            if definition:
                self._found.setdefault(definition, definition)
            return definition
        return None

    def _take_environments(self) -> None:
        """Note which environments have which image, and take images of other modules that environments have."""
        names: dict[Definition, set[str]] = {}
        doubtful = []
        for each, scope in self._environments:
            if isinstance(each.image, ChainedImage):
                if (definition := self._take(each.image)) and each.name:
                    names.setdefault(definition, set()).add(each.name)
            elif isinstance(each.image, NotLiteral) and not each.image.is_image:
                doubtful.append(each.image)
                if scope is self._names.top and root_name(each.image.node) in self._relevant:
                    self._take(each.image)
            elif isinstance(each.image, NotLiteral) and each.image.shown != self._module.shown:
                self._take(each.image)
        for definition, several in names.items():
            self._found[definition] = replace(self._found[definition], environments=tuple(sorted(several)))
        if not (self._found or self._problems or self._unread):
            for error in doubtful:
                if isinstance(error.node, ast.Name | ast.Attribute):
                    self._take(error)

    def _outermost(self) -> Iterator[ast.Call]:
        """Yield the last call of each image, but for images that others are made from and nothing else uses."""
        calls = [(call, scope) for call, scope in self._names.calls if id(call) in self._images]
        inner = {id(call.func.value) for call, _ in calls if isinstance(call.func, ast.Attribute)}
        inner |= {id(each) for call, _ in calls for each in (*call.args, *(each.value for each in call.keywords))}
        maybe = self._take_choices()
        uses: dict[int, list[bool]] = {}
        returned: set[int] = set()
        for node, scope in self._names.loads:
            if node.id not in self._relevant:
                continue
            found = self._frame(scope).find(node.id, start(node))
            if found is None:
                continue
            owner, binding = found
            if binding is None:
                maybe |= self._take_unsettled(node, owner)
            elif binding.node is not None:
                uses.setdefault(id(binding.node), []).append(id(node) in inner or id(node) in maybe)
                if any(each.value is node for each, _ in scope.returns):
                    returned.add(id(binding.node))
        for call, scope in calls:
            if id(call) in inner or id(call) in maybe or all(uses.get(id(call), [False])):
                continue
            if id(scope.node) in self._follow.called and self._is_of_callers(call, scope, returned):
                continue
            if id(call) in uses or not self._is_left_over(call, scope):
                yield call

    def _is_of_callers(self, call: ast.Call, scope: Scope, returned: set[int]) -> bool:
        """Tell whether an image of a function that is called is read with each call."""
        is_returned = id(call) in returned or any(each.value is call for each, _ in scope.returns)
        is_body = getattr(scope.node, "body", None) is call
        return is_returned or is_body or isinstance(self._images[id(call)], NotLiteral)

    def _is_left_over(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether no lock is to be had of an image that a name has, and environments have others."""
        image = self._images[id(call)]
        if isinstance(image, ChainedImage):
            given = image.definition.steps if image.definition else ()
            is_locked = not any(isinstance(each, Refused) for each in given)
        else:
            is_locked = isinstance(image, InputError)  # Flyte stops at it
        is_named = any(each.node is call for several in scope.bindings.values() for each in several)
        return (
            not is_locked and is_named and any(isinstance(each.image, ChainedImage) for each, _ in self._environments)
        )

    def _take_choices(self) -> set[int]:
        """Note expressions that choose between images; return what is in them."""
        found: set[int] = set()
        for node, scope in self._names.choices:
            if not mentions(node, self._relevant):
                continue
            frame = self._frame(scope)
            if self._follow.is_image(node, frame):
                self._take(NotLiteral(node, self._module.shown))
                found |= {id(each) for each in ast.walk(node)}
        return found

    def _take_unsettled(self, node: ast.Name, owner: Frame) -> set[int]:
        """Note a name that may be one of several images; return what it is given."""
        key = (id(owner), node.id)
        if key in self._unsettled or not self._follow.is_image_at_times(owner, node.id):
            return set()
        self._unsettled.add(key)
        self._take(NotLiteral(node, self._module.shown))
        return {id(each.node) for each in owner.scope.bindings[node.id]}


def _unread(error: NotLiteral) -> Problem:
    why = "may be changed by a later statement" if error.is_changed else "is no literal"
    message = f"the image cannot be read without running the script: `{error.text}` {why}"
    return Problem(message, f"{error.shown}:{error.node.lineno}", _RUN)
