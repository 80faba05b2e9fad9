"""The names of a module that may have to do with images, so that nothing else of it is followed."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from onedigest.definition.flyte.modules import Module, Modules, NamespacePackage


class Relevance:
    """The names that Flyte may stand behind, module by module, however many others are between."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._known: dict[int, frozenset[str]] = {}

    def names(self, module: Module) -> frozenset[str]:
        """Return the names of a module; of modules that import each other, the first one comes last."""
        if id(module) not in self._known:
            self._known[id(module)] = frozenset()
            self._known[id(module)] = self._find(module)
        return self._known[id(module)]

    def _find(self, module: Module) -> frozenset[str]:
        users: dict[str, set[str]] = {}
        waiting: list[str] = []
        for scope in module.names.scopes():
            for star in scope.stars:
                if self._modules.may_lead_to_flyte(star, module.file):
                    found = self._modules.find(star, module.file)
                    waiting += self.names(found) if isinstance(found, Module) else ()
            for name, several in scope.bindings.items():
                for binding in several:
                    if binding.origin and self._leads_to_flyte(binding.origin, module):
                        waiting.append(name)
                    for used in _mentioned(binding.node):
                        users.setdefault(used, set()).add(name)
        known: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in known:
                known.add(name)
                waiting += users.get(name, ())
        return frozenset(known)

    def _leads_to_flyte(self, origin: str, module: Module) -> bool:
        if origin.partition(".")[0] in ("flyte", "flyteplugins"):
            return True
        if not self._modules.may_lead_to_flyte(origin, module.file):
            return False
        found = self._modules.find(origin, module.file)
        if isinstance(found, Module):
            return bool(self.names(found))
        owner, name = self._modules.owner(origin, module.file)
        if isinstance(owner, Module):
            return name in self.names(owner) or bool(owner.names.top.stars)
        return isinstance(found, NamespacePackage)


def root_name(node: ast.AST) -> str:
    """Return the name that an expression begins with, nothing where it begins with something else."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def mentions(node: ast.AST, names: frozenset[str]) -> bool:
    """Tell whether one of several names is in an expression."""
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node))


def _mentioned(node: ast.AST | None) -> Iterable[str]:
    if node is None or isinstance(node, ast.arg):
        return ()
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
