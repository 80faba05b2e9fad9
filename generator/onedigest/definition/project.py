"""The repository around a script: its root, its `[tool.onedigest]` defaults, and the scripts that `--all` means."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onedigest import __version__, merge_conflicts
from onedigest.assembler.file_tree import MOST_ENTRIES, Budget, is_below, match
from onedigest.checkout import decoded, read_head, read_inside, unusable_as_input_error
from onedigest.definition.key import Place
from onedigest.definition.keys import KEYS, in_place
from onedigest.definition.script import key_lines, toml_problem
from onedigest.errors import InputError
from onedigest.formats import LOCK_FILE
from onedigest.header import HEAD, MARK
from onedigest.untrusted import load_toml, quoted

OWN_FILE = "onedigest.toml"
PYPROJECT = "pyproject.toml"
LOCKFILES = "lockfiles"

OWN_KEYS = tuple(name for name in in_place(Place.SETTINGS) if name not in in_place(Place.SCRIPT, Place.IMAGE))
"""Keys that a project has and an image has not."""

IMAGE_KEYS = ("entrypoint", "extras", "groups", "name")
"""Keys that a pyproject.toml with [project] has for the image of that project alone: no script takes them."""

_BESIDE = ("args", "copy", "files")
"""Keys that are about the same image as those, where one of them is there; else they are defaults of scripts."""

_MOST_BYTES = 4 << 20
_MOST_LOCKS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """Repository-wide defaults. `table` is `[tool.onedigest]` without the keys of projects; `file` names its file.

    `marked` tells whether anything says that the root is one.
    """

    root: Path
    file: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    scripts: tuple[str, ...] = ()
    marked: bool = False

    def where(self, key: str) -> str:
        """Return `file:line` of a key of the table."""
        return f"{self.file}:{self.lines.get(key, self.lines.get('', 1))}"

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

    Its root is the nearest folder with an `onedigest.toml`, a `pyproject.toml` that has `[tool.onedigest]`, a `.git`,
    or a folder of locks; without any, the folder itself. Settings above a mere folder of locks count, up to a `.git`:
    with `--lockfiles` somebody may have put that anywhere in a project.
    """
    locked: Path | None = None
    for folder in (start, *start.parents):
        if (project := _settings(folder)) is not None:
            return project
        if (folder / ".git").exists():
            return Project(root=locked or folder, marked=True)
        if locked is None and holds_locks(folder):
            locked = folder
    return Project(root=locked or start, marked=locked is not None)


def holds_locks(folder: Path) -> bool:
    """Tell whether a folder has locks of ours, or what is written beside them, in `lockfiles`; no link is followed."""
    place = folder / LOCKFILES
    if place.is_symlink() or not place.is_dir():
        return False
    try:
        names = sorted(path.name for path in place.iterdir())[:_MOST_LOCKS]
    except OSError:
        return False
    files = (".gitattributes", *(f"{name}/{LOCK_FILE}" for name in names))
    return any(MARK.encode() in read_head(folder, f"{LOCKFILES}/{file}", HEAD) for file in files)


def _settings(folder: Path) -> Project | None:
    if (folder / OWN_FILE).is_file():
        return _load(folder, OWN_FILE, ())
    return _load(folder, PYPROJECT, ("tool", "onedigest")) if (folder / PYPROJECT).is_file() else None


def _load(root: Path, name: str, table: tuple[str, ...]) -> Project | None:
    """Read the settings of a project, None where a file has none."""
    text = decoded(read_inside(root / name, root, name, _MOST_BYTES), name).removeprefix("\ufeff")
    try:
        values: Any = load_toml(text)
    except tomllib.TOMLDecodeError as error:
        if conflict := merge_conflicts.problems(text, name):
            raise InputError(conflict) from None
        raise InputError([toml_problem(error, name, 1, text.count("\n") + 1)]) from None
    has_project = name == PYPROJECT and "project" in values
    for key in table:
        values = values.get(key)
        if not isinstance(values, dict):
            return None
    prefix = "".join(f"{key}." for key in table)
    lines = {key.removeprefix(prefix): line for key, line in key_lines(text, 1).items() if key.startswith(prefix)}
    _refuse_other_version(values.pop("required-version", None), f"{name}:{lines.get('required-version', 1)}")
    if has_project and values.keys() & set(IMAGE_KEYS):
        values = {key: value for key, value in values.items() if key not in (*IMAGE_KEYS, *_BESIDE)}
    try:
        scripts = KEYS["scripts"].shape.check(values.pop("scripts", []))
    except ValueError as error:
        raise InputError.of(f"`scripts` {error}", where=f"{name}:{lines.get('scripts', 1)}") from None
    return Project(root=root, file=name, table=values, lines=lines, scripts=scripts, marked=True)


def _refuse_other_version(asked: Any, where: str) -> None:
    """Raise `InputError` where a project asks for another version of onedigest, before anything else is said of it."""
    if asked is None:
        return
    try:
        versions = KEYS["required-version"].shape.check(asked)
    except ValueError as error:
        message = f"`required-version` {error}"
        raise InputError.of(message, where=where, hint=f'write for example ">={__version__}"') from None
    if not versions.contains(__version__, prereleases=True):
        program = f'"onedigest{versions}"'
        raise InputError.of(
            f"the project needs onedigest {versions}, and this is {__version__}",
            where=where,
            hint=f"run `uv tool install {program}`, or `uvx --from {program} onedigest` in place of `onedigest`",
        )
