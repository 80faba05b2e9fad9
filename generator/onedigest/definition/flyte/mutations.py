"""The names whose value something may change in place: by methods, by other names, by functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from onedigest.definition.flyte.scopes import Names, Scope

_MOST_ROUNDS = 5
"""How many functions may stand between a list and the one that changes it."""


def mark_changes(names: Names) -> None:
    """Note in all scopes which of their names may be changed, by what is written in a module."""
    scopes = {id(each.node): each for each in names.scopes()}
    together = _given_together(scopes.values())
    seen: set[tuple[int, str, bool]] = set()
    waiting, known = list(names.changes), set[tuple[int, str, bool]]()
    for _ in range(_MOST_ROUNDS):
        while waiting:
            scope, name, is_handed = waiting.pop()
            owner = _owner(scope, name)
            if owner is None or (id(owner), name, is_handed) in seen:
                continue
            seen.add((id(owner), name, is_handed))
            (owner.handed if is_handed else owner.changed).add(name)
            for each in owner.bindings[name]:
                waiting += [(owner, used, is_handed) for used in _held(each.node)]
                waiting += [(where, other, is_handed) for where, other in together.get(id(each.node), ())]
        waiting = [each for each in _by_functions(names.calls, scopes) if (id(each[0]), *each[1:]) not in known]
        known |= {(id(each[0]), *each[1:]) for each in waiting}
        if not waiting:
            break
    if names.is_rewritten:
        for name, several in names.top.bindings.items():
            if any(isinstance(each.node, ast.expr) for each in several):
                names.top.unsettled.add(name)


def _owner(scope: Scope | None, name: str) -> Scope | None:
    while scope and name not in scope.bindings:
        scope = scope.above
    return scope


def _given_together(scopes: Iterable[Scope]) -> dict[int, list[tuple[Scope, str]]]:
    """Return the names that get one value with each other."""
    found: dict[int, list[tuple[Scope, str]]] = {}
    for scope in scopes:
        for name, several in scope.bindings.items():
            for each in several:
                if isinstance(each.node, ast.expr):
                    found.setdefault(id(each.node), []).append((scope, name))
    return {key: several for key, several in found.items() if len(several) > 1}


def _held(node: ast.AST | None) -> Iterator[str]:
    """Yield the names whose values a list or table holds, or another name has."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.List | ast.Tuple):
            waiting += each.elts
        elif isinstance(each, ast.Dict):
            waiting += each.values


def _by_functions(
    calls: Sequence[tuple[ast.Call, Scope]], scopes: dict[int, Scope]
) -> Iterator[tuple[Scope, str, bool]]:
    """Yield the names that are given to a function which changes what it is given."""
    for call, scope in calls:
        if not isinstance(call.func, ast.Name) or not (owner := _owner(scope, call.func.id)):
            continue
        functions = [each.node for each in owner.bindings[call.func.id] if isinstance(each.node, ast.FunctionDef)]
        if any(_changes_parameters(each, scopes[id(each)]) for each in functions):
            for argument in (*call.args, *(each.value for each in call.keywords)):
                if isinstance(argument, ast.Name):
                    yield scope, argument.id, False


def _changes_parameters(function: ast.FunctionDef, scope: Scope) -> bool:
    several = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return any(each.arg in scope.changed for each in several)
