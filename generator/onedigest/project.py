"""Knows the repository around a script: its root, its `[tool.onedigest]` defaults, and which scripts `--all` means."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onedigest.assembler.file_tree import MOST_ENTRIES, Budget, check_pattern, is_below, match
from onedigest.checkout import decoded, read_inside, unusable_as_input_error
from onedigest.errors import InputError
from onedigest.script import key_lines, toml_problem
from onedigest.untrusted import load_toml, quoted

OWN_FILE = "onedigest.toml"
PYPROJECT = "pyproject.toml"

_MOST_BYTES = 4 << 20


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
        """Return the scripts that `scripts` matches, with links followed, sorted. Raises `InputError`."""
        root, budget = self.root.resolve(), Budget(MOST_ENTRIES, quoted)
        with unusable_as_input_error():
            found = {path for pattern in self.scripts for path in match(self.root, pattern, budget) if path.is_file()}
        outside = sorted(path for path in found if not is_below(path, root))
        if outside:
            message = f"`scripts` matches {outside[0].name!r}, a link to a file outside the project"
            raise InputError.of(message, where=self.where("scripts"), hint="copy the file into the project")
        return sorted({path.resolve() for path in found})


def find(start: Path) -> Project:
    """Return the project that a folder belongs to.

    Its root is the nearest folder with an `onedigest.toml`, a `pyproject.toml` that has `[tool.onedigest]`, or a
    `.git`; without any, the folder itself.
    """
    for folder in (start, *start.parents):
        if (folder / OWN_FILE).is_file():
            return _load(folder, OWN_FILE, ())
        if (folder / PYPROJECT).is_file():
            project = _load(folder, PYPROJECT, ("tool", "onedigest"))
            if project.source:
                return project
        if (folder / ".git").exists():
            return Project(root=folder)
    return Project(root=start)


def _load(root: Path, name: str, table: tuple[str, ...]) -> Project:
    text = decoded(read_inside(root / name, root, name, _MOST_BYTES), name).removeprefix("\ufeff")
    try:
        values: Any = load_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError([toml_problem(error, name, 1, text.count("\n") + 1)]) from None
    for key in table:
        values = values.get(key)
        if not isinstance(values, dict):
            return Project(root=root)
    prefix = "".join(f"{key}." for key in table)
    lines = {key.removeprefix(prefix): line for key, line in key_lines(text, 1).items() if key.startswith(prefix)}
    scripts = values.pop("scripts", [])
    where = f"{name}:{lines.get('scripts', 1)}"
    if not isinstance(scripts, list) or not all(isinstance(each, str) for each in scripts):
        raise InputError.of("`scripts` is not a list of strings", where=where)
    try:
        for pattern in scripts:
            check_pattern(pattern, quoted)
    except ValueError as error:
        raise InputError.of(f"`scripts` {error}".replace("the script's folder", "the project"), where=where) from None
    return Project(root=root, source=name, table=values, lines=lines, scripts=tuple(scripts))
