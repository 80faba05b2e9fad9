"""The search for settings: each key in the script or else its project, and tables of names in both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from onedigest import untrusted
from onedigest.definition import expansion
from onedigest.definition.project import IMAGE_KEYS, Project
from onedigest.definition.project import KEYS as PROJECT_KEYS
from onedigest.definition.script import Script
from onedigest.errors import Problem

_LONGEST_KEY = 100
_MOST_KEYS = 1000

Pairs = tuple[tuple[str, str], ...]


class Settings:
    """Finds each key in the script or else the project, and keeps all problems; `defaults` are values by key."""

    def __init__(self, script: Script, project: Project, defaults: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._script = script
        self._project = project
        self._defaults = defaults
        self._known: set[str] = set()

    def read(self, key: str, check: Callable[[Any], Any], default: Any = None) -> Any:
        """Return the checked value of a key; `default` is for a key whose default is not that of every script.

        `check` raises ValueError with what a right value would be.
        """
        self._known.add(key)
        if default is None:
            default = self._defaults[key]
        table = next((each for each in (self._script.onedigest, self._project.table) if key in each), None)
        return default if table is None else self._checked(key, check, table[key], self.where(key), default)

    def read_merged(self, key: str, check: Callable[[Any], Pairs]) -> Pairs:
        """Return the checked pairs of a table: those of the project, and those of the script over them by name."""
        self._known.add(key)
        found: dict[str, str] = {}
        if key in self._project.table:
            found |= self._checked(key, check, self._project.table[key], self._project.where(key), ())
        if key in self._script.onedigest:
            found |= self._checked(key, check, self._script.onedigest[key], self.where(key), ())
        return tuple(sorted(found.items()))

    def where(self, key: str) -> str:
        """Return `file:line` of a key."""
        if key in self._script.onedigest or key not in self._project.table:
            return self._script.where(f"tool.onedigest.{key}")
        return self._project.where(key)

    def check_references(self, key: str, names: Iterable[str], table: str, pairs: Pairs) -> None:
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
        """Note every key that no one asked for, with the nearest one that exists."""
        import difflib

        tables: tuple[tuple[Mapping[str, Any], Callable[[str], str]], ...] = (
            (self._script.onedigest, lambda key: self._script.where(f"tool.onedigest.{key}")),
            (self._project.table, self._project.where),
        )
        for table, where in tables:
            for key in list(table)[:_MOST_KEYS]:
                if key in PROJECT_KEYS:  # the project's own are taken out already
                    message, hint = f"`{key}` is a key of projects", "move it into onedigest.toml or pyproject.toml"
                    self.problems.append(Problem(message, where(key), hint))
                elif key in IMAGE_KEYS and key not in self._known:
                    message, hint = f"`{key}` is a key of the image of a project", "move it into its pyproject.toml"
                    self.problems.append(Problem(message, where(key), hint))
                elif key not in self._known:
                    named = untrusted.without_secrets(key)[:_LONGEST_KEY]
                    near = difflib.get_close_matches(key[:_LONGEST_KEY], sorted(self._known), 1)
                    hint = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(sorted(self._known))}"
                    self.problems.append(Problem(f"unknown key `{named}` in [tool.onedigest]", where(key), hint))

    def _checked(self, key: str, check: Callable[[Any], Any], value: Any, where: str, default: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            self.problems.append(Problem(f"`{key}` {error}", where))
            return default
