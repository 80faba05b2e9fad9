"""The workspaces of uv: the folder above that holds the uv.lock of a project, and the members."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.assembler.file_tree import Budget, is_below, match
from onedigest.checkout import find_repository, unusable_as_input_error
from onedigest.definition.project import OWN_FILE
from onedigest.definition.uv_project.pyproject import FILE, Pyproject, read_pyproject, strings
from onedigest.errors import InputError

LOCK = "uv.lock"

_MOST_LOOKED_AT = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class UvWorkspace:
    """The projects that share a uv.lock; `root` is the one beside it, which may have no [project].

    `members` are all of them, the root included. `repository` is the folder that nothing of them may leave, without
    links. `shown` names the lock in messages, and `elsewhere` is where it is, if that is not beside the root.
    """

    root: Pyproject
    members: tuple[Pyproject, ...]
    repository: Path
    shown: str
    elsewhere: Path | None = None

    @property
    def lock(self) -> Path:
        """Where the uv.lock is."""
        return self.elsewhere or self.root.folder / LOCK

    def with_lock(self, path: Path, shown_from: Path) -> UvWorkspace:
        """Return the workspace with another file as its uv.lock, whose paths are from the root all the same."""
        path = path.parent.resolve() / path.name
        return self if path == self.lock else replace(self, elsewhere=path, shown=_shown(path, shown_from))

    def place(self, folder: Path) -> str:
        """Return the path of a folder from the lock, as a uv.lock has it."""
        return relative(folder, self.root.folder)


def relative(folder: Path, start: Path) -> str:
    """Return the path from one folder to another, with slashes, by their names alone."""
    return posixpath.relpath(folder.as_posix(), start.as_posix())


def find_workspace(folder: Path, shown_from: Path) -> tuple[Pyproject, UvWorkspace]:
    """Return the project of a folder and the workspace that it belongs to, as uv finds it.

    That is the nearest folder above, or itself, with [tool.uv.workspace] that has it as a member, and else the project
    alone. Messages show paths from `shown_from`. Raises `InputError`.
    """
    folder = folder.resolve()
    repository = find_repository(folder)
    own = read_pyproject(folder, repository or folder, _shown(folder / FILE, shown_from))
    root = own
    for above in (folder, *folder.parents):
        if repository and not above.is_relative_to(repository):
            break
        if not (above / FILE).is_file():
            continue
        found = own if above == folder else read_pyproject(above, repository or above, _shown(above / FILE, shown_from))
        table = found.setting("workspace", untrusted.table, {})
        if "workspace" not in found.uv:
            continue
        if above == folder or folder in set(_folders(found, table)):
            root = found
            break
        if folder in set(_matching(found, table, "exclude")):
            break
    boundary = repository or _outermost(folder, root.folder)
    return own, UvWorkspace(
        root=root,
        members=tuple(_members(root, own, boundary, shown_from)),
        repository=boundary,
        shown=_shown(root.folder / LOCK, shown_from),
    )


def _outermost(folder: Path, workspace: Path) -> Path:
    """Return what stands for the repository where git has none: the folder with the settings, or the workspace."""
    marked = next((each for each in (folder, *folder.parents) if (each / OWN_FILE).is_file()), workspace)
    return marked if workspace.is_relative_to(marked) else workspace


def _members(root: Pyproject, own: Pyproject, boundary: Path, shown_from: Path) -> Iterator[Pyproject]:
    if root.name or root is own:
        yield root
    if "workspace" not in root.uv:
        return
    for folder in sorted(set(_folders(root, root.setting("workspace", untrusted.table, {}))) - {root.folder}):
        shown = _shown(folder / FILE, shown_from)
        if not is_below(folder, boundary):
            raise InputError.of(
                f"the workspace member {relative(folder, root.folder)} is outside of the repository {boundary.name}",
                where=root.where("tool.uv.workspace.members"),
                hint="move it there, or take it out of `members`",
            )
        if (folder / FILE).is_file():
            yield own if folder == own.folder else read_pyproject(folder.resolve(), boundary, shown)


def _folders(root: Pyproject, table: dict[str, Any]) -> Iterator[Path]:
    """Yield the folders that `members` names and `exclude` does not; what has no pyproject.toml is none."""
    excluded = set(_matching(root, table, "exclude"))
    yield from (each for each in _matching(root, table, "members") if each not in excluded)


def _matching(root: Pyproject, table: dict[str, Any], key: str) -> Iterator[Path]:
    """Yield the folders that a key of [tool.uv.workspace] names, links to folders inside as what they lead to."""
    where = root.where(f"tool.uv.workspace.{key}")
    try:
        patterns = strings(table.get(key, []))
    except ValueError as error:
        raise InputError.of(f"`{key}` of the workspace {error}", where=where) from None
    budget = Budget(_MOST_LOOKED_AT, untrusted.quoted)
    for pattern in patterns:
        base, rest = root.folder, posixpath.normpath(pattern)
        while rest.startswith("../"):
            base, rest = base.parent, rest[3:]
        if rest in (".", "..") or rest.startswith("/") or "\0" in rest:
            continue
        with unusable_as_input_error():
            yield from (path.resolve() for path in match(base, rest, budget) if (path / FILE).is_file())


def _shown(path: Path, start: Path) -> str:
    return path.relative_to(start).as_posix() if path.is_relative_to(start) else str(path)
