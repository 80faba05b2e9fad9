"""The text that a project's author wrote in pyproject.toml: each value that is read of it is checked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from onedigest import merge_conflicts, untrusted
from onedigest.assembler.file_tree import is_below
from onedigest.checkout import decoded, read_inside
from onedigest.definition.project import PYPROJECT
from onedigest.definition.script import MOST_BYTES, key_lines, toml_problem
from onedigest.errors import InputError, Problem

FILE = PYPROJECT

_MOST = 10_000
_DEEPEST = 64

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pyproject:
    """A project as its pyproject.toml states it.

    `folder` is its folder without links, `shown` is how messages name the file, `text` is its canonical text.
    `name` is normalized, and empty where the file has no [project]; `groups` have no other groups in them any more.
    `uv` is [tool.uv], of which a reader checks what it takes. `lines` gives the line of each key.
    """

    folder: Path
    shown: str
    text: str
    name: str
    requires_python: str
    dependencies: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    programs: tuple[str, ...]
    dynamic: frozenset[str]
    is_package: bool
    onedigest: Mapping[str, Any]
    uv: Mapping[str, Any]
    lines: Mapping[str, int] = field(repr=False)

    def where(self, key: str) -> str:
        """Return `file:line` of a key, or of the nearest table that holds it."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.shown}:{self.lines.get(key, 1)}"

    def setting(self, key: str, check: Callable[[Any], T], default: Any) -> T:
        """Return a checked value of [tool.uv]. Raises `InputError`."""
        if key not in self.uv:
            found: T = default
            return found
        try:
            return check(self.uv[key])
        except ValueError as error:
            raise InputError.of(f"`{key}` in [tool.uv] {error}", where=self.where(f"tool.uv.{key}")) from None


def read_pyproject(folder: Path, root: Path, shown: str) -> Pyproject:
    """Read the pyproject.toml of a folder below a root, both without links. Raises `InputError` with all problems."""
    path = folder / FILE
    if path.exists() and not is_below(path, root):
        raise InputError.of("is a link that leaves the repository", where=shown, hint="replace it by a real file")
    text = decoded(read_inside(path, root, shown, MOST_BYTES), shown).removeprefix("\ufeff")
    if conflict := merge_conflicts.problems(text, shown):
        raise InputError(conflict)
    try:
        table = untrusted.load_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError([toml_problem(error, shown, 1, text.count("\n") + 1)]) from None
    return _PyprojectReader(table, shown, {"": 1, **key_lines(text, 1)}).read(folder, text)


def tables(value: Any) -> list[dict[str, Any]]:
    """Return a list of tables."""
    return [untrusted.table(each) for each in _bounded(untrusted.array(value))]


def strings(value: Any) -> tuple[str, ...]:
    """Return a list of strings."""
    return tuple(untrusted.text(each) for each in _bounded(untrusted.array(value)))


def _bounded(several: list[Any]) -> list[Any]:
    if len(several) > _MOST:
        raise ValueError(f"has more than {_MOST} values")
    return several


class _PyprojectReader:
    """Reads one file, and keeps all problems."""

    def __init__(self, table: Mapping[str, Any], shown: str, lines: Mapping[str, int]) -> None:
        self.problems: list[Problem] = []
        self._table = table
        self._shown = shown
        self._lines = lines

    def read(self, folder: Path, text: str) -> Pyproject:
        project = self._get(self._table, "project", untrusted.table, {})
        tool = self._get(self._table, "tool", untrusted.table, {})
        uv = self._get(tool, "uv", untrusted.table, {}, "tool.")
        package = self._get(uv, "package", untrusted.flag, "build-system" in self._table, "tool.uv.")
        name = self._get(project, "name", untrusted.project_name, "", "project.")
        if project and not name and "name" not in project:
            self._wrong("project", "[project] has no `name`")
        found = Pyproject(
            folder=folder,
            shown=self._shown,
            text=text,
            name=canonicalize_name(name),
            requires_python=self._get(project, "requires-python", untrusted.line, "", "project."),
            dependencies=self._get(project, "dependencies", strings, (), "project."),
            extras=self._extras(project),
            groups=self._groups(uv),
            programs=tuple(self._get(project, "scripts", untrusted.table, {}, "project.")),
            dynamic=frozenset(self._get(project, "dynamic", strings, (), "project.")),
            is_package=package,
            onedigest=self._get(tool, "onedigest", untrusted.table, {}, "tool."),
            uv=uv,
            lines=self._lines,
        )
        if self.problems:
            raise InputError(self.problems)
        return found

    def _extras(self, project: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        key = "optional-dependencies"
        table = self._get(project, key, untrusted.table, {}, "project.")
        return {str(canonicalize_name(name)): self._get(table, name, strings, (), f"project.{key}.") for name in table}

    def _groups(self, uv: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return dependency groups (PEP 735) with what they include, and uv's own older table of `dev`."""
        table = self._get(self._table, "dependency-groups", untrusted.table, {})
        by_name = {str(canonicalize_name(name)): name for name in table}
        found = {}
        for group, name in by_name.items():
            try:
                found[group] = tuple(_flat(table, by_name, group, 0))
            except ValueError as error:
                self._wrong(f"dependency-groups.{name}", f"the group `{name}` {error}")
        older = self._get(uv, "dev-dependencies", strings, (), "tool.uv.")
        if older:
            found["dev"] = (*found.get("dev", ()), *older)
        return found

    def _get(self, table: Mapping[str, Any], key: str, check: Callable[[Any], T], default: Any, prefix: str = "") -> T:
        if key in table:
            try:
                return check(table[key])
            except ValueError as error:
                self._wrong(f"{prefix}{key}", f"`{prefix}{key}` {error}")
        found: T = default
        return found

    def _wrong(self, key: str, message: str) -> None:
        line = self._lines.get(key) or self._lines.get(key.rpartition(".")[0]) or 1
        self.problems.append(Problem(message, f"{self._shown}:{line}"))


def _flat(table: Mapping[str, Any], by_name: Mapping[str, str], group: str, depth: int) -> Iterator[str]:
    """Yield the requirements of a group (PEP 735, section "Specification"). Raises ValueError."""
    if depth > _DEEPEST:
        raise ValueError("includes itself")
    for each in _bounded(untrusted.array(table[by_name[group]])):
        if isinstance(each, str):
            yield each
            continue
        other = canonicalize_name(untrusted.project_name(untrusted.table(each).get("include-group")))
        if other not in by_name:
            raise ValueError(f"includes `{other}`, and there is no such group")
        yield from _flat(table, by_name, other, depth + 1)
