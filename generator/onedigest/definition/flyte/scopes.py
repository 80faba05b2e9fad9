"""The names that a module binds, scope by scope, and the one value of several that a name has where it is used."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Position = tuple[int, int]
"""Line and column."""

Span = tuple[Position, Position]

START: Position = (0, 0)
END: Position = (1 << 60, 0)
"""When all of a scope has run."""

_WHOLE: Span = (START, END)

_CHANGING = frozenset(
    ("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault")
) | frozenset(("sort", "update", "__setattr__", "__setitem__", "__delitem__", "__iadd__"))
"""The methods that change what they are called upon."""

_OF_HERE = ("locals", "vars")
"""The functions that give the names of where they are called as a table."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """What a name is given: an expression, a function, a class, a parameter, or None where nothing is known of it.

    `origin` is the dotted name that an import brings. `block` is where nothing but this statement decides.
    """

    node: ast.AST | None
    position: Position
    block: Span = _WHOLE
    origin: str = ""


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, a function, a class or a comprehension.

    `changed` are names whose value something may change in place, `handed` those that statements hand to a function.
    """

    node: ast.AST
    above: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    outer: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    returns: list[tuple[ast.Return, Span]] = field(default_factory=list)
    is_generator: bool = False
    loops: list[Span] = field(default_factory=list)
    _positions: dict[str, list[Position]] = field(default_factory=dict)

    def settle(self) -> None:
        """Bring what was found into order."""
        for name, several in self.bindings.items():
            several.sort(key=lambda each: each.position)
            self._positions[name] = [each.position for each in several]
        outermost: list[Span] = []
        for loop in sorted(self.loops):
            if not outermost or loop[0] > outermost[-1][1]:
                outermost.append(loop)
        self.loops = outermost

    def find(self, name: str, position: Position) -> Binding | None:
        """Return what a name of this scope stands for at a position, None where that is not clear."""
        if name in self.unsettled or not (several := self.bindings[name]):
            return None
        last = bisect_right(self._positions[name], self._seen_until(position)) - 1
        if last < 0:
            return None
        found = several[last]
        decides = found.block[0] <= position <= found.block[1] or last == 0
        return found if found.position <= position and decides else None

    def _seen_until(self, position: Position) -> Position:
        """Return the last position whose statements may have run: in a loop, its end."""
        at = bisect_right(self.loops, (position, END)) - 1
        return max(position, self.loops[at][1]) if at >= 0 and position <= self.loops[at][1] else position


def _is_of_module(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call gives the names of a module as a table; `vars(x)` gives those of something else."""
    if call.args:
        return last_name(call.func) == "vars" and isinstance(call.args[0], ast.Subscript)  # of sys.modules
    return last_name(call.func) == "globals" or (last_name(call.func) in _OF_HERE and scope.above is None)


class Names:
    """All names of a module: its scopes, its calls, where names are read, and choices, each with its scope.

    `changes` are the names that something changes, or that a statement hands to a function, which is the last value.
    `is_rewritten` tells whether something writes names as the keys of a table.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.top = Scope(tree)
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.loads: list[tuple[ast.Name, Scope]] = []
        self.choices: list[tuple[ast.expr, Scope]] = []
        self._scopes: dict[int, Scope] = {id(tree): self.top}
        self.changes: list[tuple[Scope, str, bool]] = []
        self.is_rewritten = False
        waiting: list[tuple[ast.AST, Scope, Span]] = [(each, self.top, _WHOLE) for each in tree.body]
        while waiting:
            waiting += self._visit(*waiting.pop())
        for scope in self._scopes.values():
            self._give_away(scope)
        for scope in self._scopes.values():
            scope.settle()
        self.calls.sort(key=lambda each: _order(each[0]))
        self.loads.sort(key=lambda each: _order(each[0]))

    def scopes(self) -> Iterable[Scope]:
        """Return all scopes."""
        return self._scopes.values()

    def scope(self, node: ast.AST) -> Scope:
        """Return the scope of a function, a class or a comprehension."""
        return self._scopes[id(node)]

    def _inner(self, node: ast.AST, above: Scope) -> Scope:
        return self._scopes.setdefault(id(node), Scope(node, above))

    def _visit(self, node: ast.AST, scope: Scope, block: Span) -> Iterator[tuple[ast.AST, Scope, Span]]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from self._function(node, scope, block)
            case ast.ClassDef():
                _bind(scope, node.name, Binding(node, end(node), block))
                further = (*node.decorator_list, *node.bases, *node.keywords)
                yield from ((each, scope, block) for each in further)
                yield from ((each, self._inner(node, scope), _WHOLE) for each in node.body)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                yield from self._comprehension(node, scope, block)
            case ast.Assign() | ast.AnnAssign() | ast.NamedExpr():
                yield from self._assignment(node, scope, block)
            case ast.For() | ast.AsyncFor() | ast.While() | ast.If() | ast.Try() | ast.TryStar() | ast.Match():
                if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                    scope.loops.append((start(node), end(node)))
                yield from _conditional(node, scope, block)
            case ast.With() | ast.AsyncWith() | ast.ExceptHandler() | ast.match_case():
                yield from _conditional(node, scope, block)
                if isinstance(node, ast.ExceptHandler) and node.name:
                    _bind(scope, node.name, Binding(None, start(node), block))
            case _:
                self._note(node, scope, block)
                yield from ((each, scope, block) for each in ast.iter_child_nodes(node))

    def _function(self, node: _Function, scope: Scope, block: Span) -> Iterator[tuple[ast.AST, Scope, Span]]:
        inner = self._inner(node, scope)
        for each in _parameters(node.args):
            _bind(inner, each.arg, Binding(each, start(node)))
        defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each]
        if isinstance(node, ast.Lambda):
            yield node.body, inner, _WHOLE
        else:
            _bind(scope, node.name, Binding(node, end(node), block))
            defaults += node.decorator_list
            yield from ((each, inner, _WHOLE) for each in node.body)
        yield from ((each, scope, block) for each in defaults)

    def _comprehension(self, node: _Comprehension, scope: Scope, block: Span) -> Iterator[tuple[ast.AST, Scope, Span]]:
        inner = self._inner(node, scope)
        first = node.generators[0]
        yield first.iter, scope, block
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        further = (first.target, *first.ifs, *node.generators[1:], *parts)
        yield from ((each, inner, _WHOLE) for each in further)

    def _assignment(
        self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr, scope: Scope, block: Span
    ) -> Iterator[tuple[ast.AST, Scope, Span]]:
        if node.value is None:
            if isinstance(node.target, ast.Name):
                scope.bindings.setdefault(node.target.id, []) if scope.above else None
            return
        yield node.value, scope, block
        where = scope
        if isinstance(node, ast.NamedExpr):
            while isinstance(where.node, _Comprehension) and where.above:
                where = where.above
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for part, value in _parts(target, node.value):
                if isinstance(part, ast.Name):
                    _bind(where, part.id, Binding(value, end(node), block))
                else:
                    yield part, scope, block

    def _note(self, node: ast.AST, scope: Scope, block: Span) -> None:
        match node:
            case ast.Name(ctx=ast.Load()):
                self.loads.append((node, scope))
            case ast.Call():
                self.calls.append((node, scope))
                if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
                    self._change(node.func.value, scope)
                if last_name(node.func) in ("setattr", "__setattr__", "delattr", "__delattr__"):
                    self._change(node.args[0] if node.args else node, scope)
            case ast.IfExp() | ast.BoolOp():
                self.choices.append((node, scope))
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                self._change(node, scope)
            case ast.Expr(value=ast.Call() as call) if not scope.above and last_name(call.func) != "print":
                for each in (*call.args, *(keyword.value for keyword in call.keywords)):
                    self._change(each, scope, is_handed=True)
            case _:
                _note_in_scope(node, scope, block)

    def _change(self, node: ast.AST, scope: Scope, *, is_handed: bool = False) -> None:
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            self.changes.append((scope, node.id, is_handed))
        if isinstance(node, ast.Call) and not is_handed and _is_of_module(node, scope):
            self.is_rewritten = True

    def _give_away(self, scope: Scope) -> None:
        """Take what a function gives to names that are not its own for something that may happen at any time."""
        for name in scope.outer & set(scope.bindings):
            del scope.bindings[name]
            above: Scope | None = scope.above
            while above:
                above.unsettled.add(name)
                above.bindings.setdefault(name, [])
                above = above.above


def start(node: ast.AST) -> Position:
    """Return where a node begins."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def end(node: ast.AST) -> Position:
    """Return where a node ends."""
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def _order(node: ast.AST) -> tuple[Position, Position]:
    return start(node), end(node)


def _bind(scope: Scope, name: str, binding: Binding) -> None:
    scope.bindings.setdefault(name, []).append(binding)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    several = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*several, *(each for each in (arguments.vararg, arguments.kwarg) if each)]


def _parts(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield which target gets which value, as far as both are written side by side."""
    several = ast.Tuple | ast.List
    if isinstance(target, several) and isinstance(value, several) and len(target.elts) == len(value.elts):
        both = [*target.elts, *value.elts]
        if not any(isinstance(each, ast.Starred) for each in both):
            yield from zip(target.elts, value.elts, strict=True)
            return
    yield target, value


def _conditional(node: ast.AST, scope: Scope, block: Span) -> Iterator[tuple[ast.AST, Scope, Span]]:
    """Yield the parts of a statement; each list of statements in it is a block of its own."""
    for _, part in ast.iter_fields(node):
        if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
            inner = (start(part[0]), end(part[-1]))
            yield from ((each, scope, inner) for each in part)
        else:
            several = part if isinstance(part, list) else [part]
            yield from ((each, scope, block) for each in several if isinstance(each, ast.AST))


def _note_in_scope(node: ast.AST, scope: Scope, block: Span) -> None:
    match node:
        case ast.Name():
            _bind(scope, node.id, Binding(None, end(node), block))
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            _bind(scope, name, Binding(None, end(node), block))
        case ast.Import() | ast.ImportFrom():
            _take_import(node, scope, block)
        case ast.Global() | ast.Nonlocal():
            scope.outer |= set(node.names)
        case ast.Return():
            scope.returns.append((node, block))
        case ast.Yield() | ast.YieldFrom():
            scope.is_generator = True


def _take_import(node: ast.Import | ast.ImportFrom, scope: Scope, block: Span) -> None:
    for alias in node.names:
        name = alias.asname or alias.name
        if isinstance(node, ast.Import):
            origin = alias.name if alias.asname else alias.name.partition(".")[0]
            name = alias.asname or origin
        else:
            module = "." * node.level + (node.module or "")
            origin = f"{module}.{alias.name}" if node.module else f"{module}{alias.name}"
            if alias.name == "*":
                scope.stars.append(module)
                continue
        _bind(scope, name, Binding(None, end(node), block, origin))


def last_name(node: ast.expr) -> str:
    """Return the name that a dotted name ends with, nothing for another expression."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
