"""The search for settings: each key in the script or else its project, and tables of names in both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from onedigest import untrusted
from onedigest.definition import expansion
from onedigest.definition.key import Key, Place, nearest
from onedigest.definition.keys import KEYS, in_place
from onedigest.definition.project import Project
from onedigest.definition.script import Script
from onedigest.errors import Problem

_LONGEST_KEY = 100
_MOST_KEYS = 1000


class Settings:
    """Finds each key in the script or else the project, and keeps all problems; `place` is that of the script."""

    def __init__(self, script: Script, project: Project, place: Place) -> None:
        self.problems: list[Problem] = []
        self._script = script
        self._project = project
        self._known = in_place(Place.SCRIPT, place)

    def read(self, key: Key, default: Any = None) -> Any:
        """Return the value of a key as a spec has it; `default` is for a key whose default is not every script's."""
        if default is None:
            default = key.default
        if key.merged:
            return self._merged(key)
        table = next((each for each in (self._script.onedigest, self._project.table) if key.name in each), None)
        return default if table is None else self._checked(key, table[key.name], self.where(key.name), default)

    def _merged(self, key: Key) -> tuple[tuple[str, str], ...]:
        """Return the pairs of a table: those of the project, and those of the script over them by name."""
        found: dict[str, str] = {}
        if key.name in self._project.table:
            found |= self._checked(key, self._project.table[key.name], self._project.where(key.name), ())
        if key.name in self._script.onedigest:
            found |= self._checked(key, self._script.onedigest[key.name], self.where(key.name), ())
        return tuple(sorted(found.items()))

    def where(self, key: str) -> str:
        """Return `file:line` of a key."""
        if key in self._script.onedigest or key not in self._project.table:
            return self._script.where(f"tool.onedigest.{key}")
        return self._project.where(key)

    def check_references(self, key: str, names: Iterable[str], table: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Note what is wrong with variables of a table whose values are to be filled in."""
        values = dict(pairs)
        for name in names:
            if name not in values:
                message = f"`{key}` has {untrusted.quoted(name)}, which `{table}` does not set"
                self.problems.append(Problem(message, self.where(key), f"set it in `{table}`, or take it out here"))
                continue
            try:
                expansion.parse(values[name])
            except ValueError as error:
                message = f"`{table}` has a value of {untrusted.quoted(name)} that {error}"
                self.problems.append(Problem(message, self.where(table), expansion.ESCAPE))

    def refuse_unknown(self) -> None:
        """Note every key that has no meaning in its place, with the nearest one that has."""
        tables: tuple[tuple[Mapping[str, Any], Callable[[str], str]], ...] = (
            (self._script.onedigest, lambda key: self._script.where(f"tool.onedigest.{key}")),
            (self._project.table, self._project.where),
        )
        for table, where in tables:
            for key in list(table)[:_MOST_KEYS]:
                if key in self._known:
                    continue
                if key in in_place(Place.SETTINGS):  # the project's own are taken out already
                    message, hint = f"`{key}` is a key of projects", "move it into onedigest.toml or pyproject.toml"
                elif key in KEYS:
                    message, hint = f"`{key}` is a key of the image of a project", "move it into its pyproject.toml"
                else:
                    message = f"unknown key `{untrusted.without_secrets(key)[:_LONGEST_KEY]}` in [tool.onedigest]"
                    near = nearest(key, self._known)
                    hint = f"did you mean `{near}`?" if near else f"the keys are {', '.join(sorted(self._known))}"
                self.problems.append(Problem(message, where(key), hint))

    def _checked(self, key: Key, value: Any, where: str, default: Any) -> Any:
        try:
            return key.shape.check(value)
        except ValueError as error:
            self.problems.append(Problem(f"`{key.name}` {error}", where))
            return default
