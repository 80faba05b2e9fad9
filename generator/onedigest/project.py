"""Knows the repository around a script: its root, its `[tool.onedigest]` defaults, and which scripts `--all` means."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onedigest.errors import InputError
from onedigest.script import key_lines, toml_problem

OWN_FILE = "onedigest.toml"
PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """Repository-wide defaults. `table` is `[tool.onedigest]`, without `scripts`; `source` names its file."""

    root: Path
    source: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    scripts: tuple[str, ...] = ()

    def where(self, key: str) -> str:
        """Return `file:line` of a key of the table."""
        return f"{self.source}:{self.lines.get(key, self.lines.get('', 1))}"

    def list_scripts(self) -> list[Path]:
        """Return the scripts that `scripts` matches, sorted."""
        return sorted({path for pattern in self.scripts for path in self.root.glob(pattern) if path.is_file()})


def find(start: Path) -> Project:
    """Return the project that a folder belongs to.

    Its root is the nearest folder with an `onedigest.toml`, a `pyproject.toml` that has `[tool.onedigest]`, or a
    `.git`; without any, the folder itself.
    """
    for folder in (start, *start.parents):
        if (own := folder / OWN_FILE).is_file():
            return _load(folder, own, ())
        if (pyproject := folder / PYPROJECT).is_file():
            project = _load(folder, pyproject, ("tool", "onedigest"))
            if project.source:
                return project
        if (folder / ".git").exists():
            return Project(root=folder)
    return Project(root=start)


def _load(root: Path, path: Path, table: tuple[str, ...]) -> Project:
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    try:
        values: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError([toml_problem(error, path.name, 1, text.count("\n") + 1)]) from None
    for key in table:
        values = values.get(key)
        if not isinstance(values, dict):
            return Project(root=root)
    prefix = "".join(f"{key}." for key in table)
    lines = {key.removeprefix(prefix): line for key, line in key_lines(text, 1).items() if key.startswith(prefix)}
    scripts = values.pop("scripts", [])
    if not isinstance(scripts, list) or not all(isinstance(each, str) for each in scripts):
        raise InputError.of("`scripts` is not a list of strings", where=f"{path.name}:{lines.get('scripts', 1)}")
    return Project(root=root, source=path.name, table=values, lines=lines, scripts=tuple(scripts))
