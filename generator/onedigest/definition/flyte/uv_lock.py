"""The part of a project with a uv.lock that a Flyte image takes, as `uv sync` would install it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.definition.flyte.definition import UvProject
from onedigest.definition.flyte.named_files import read_source
from onedigest.definition.flyte.requirements import split_words
from onedigest.definition.project_parts import ProjectParts
from onedigest.definition.spec import requirement
from onedigest.definition.uv_project.closure import ChosenProject, close_any, close_everywhere, digest_pins
from onedigest.definition.uv_project.options import SyncOptions, read_options
from onedigest.definition.uv_project.pyproject import FILE, Pyproject
from onedigest.definition.uv_project.selection import chosen_of, left_out, read_choices, with_root
from onedigest.definition.uv_project.staleness import refuse_stale
from onedigest.definition.uv_project.uv_lock import Row, UvLock, read_locked
from onedigest.definition.uv_project.workspace import UvWorkspace, find_workspace, relative
from onedigest.errors import InputError, Problem

_KEPT = (
    *("build-constraint-dependencies", "config-settings", "config-settings-package", "constraint-dependencies"),
    *("dependency-metadata", "exclude-dependencies", "exclude-newer", "exclude-newer-package"),
    *("extra-build-dependencies", "extra-build-variables", "extra-index-url", "find-links", "index-strategy"),
    *("index-url", "no-index", "override-dependencies", "prerelease"),
)
"""Settings of [tool.uv] that count for what is asked for besides: where packages are, and how one is built."""
_OF_NAMES = ("constraint-dependencies", "override-dependencies")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedProject:
    """What a project brings: what is taken of its uv.lock, with the versions by name; Python; its settings of uv.

    `build` are the packages that it wants built, `read` the files that it stands in.
    """

    taken: tuple[ProjectParts, ...]
    versions: Mapping[str, frozenset[str]]
    requires_python: tuple[str, ...]
    settings: Mapping[str, Any]
    build: Any
    other_arguments: str
    read: tuple[Path, ...]


def read_project(step: UvProject, where: str, root: Path, folder: Path) -> LockedProject:
    """Read a project below a root and its uv.lock, for which nothing is run; `folder` is the script's, without links.

    Raises `InputError` for a project without a lock, or with one that it changed since.
    """
    path = Path(step.pyproject)
    try:
        options = read_options(split_words(step.options.extra_args, where))
    except ValueError as error:
        hint = "write the options as `uv sync` takes them"
        raise InputError.of(f"`extra_args` cannot be read: {error}", where=where, hint=hint) from None
    try:
        read_source(path, root, path.name)
        project, workspace = find_workspace(path.parent, root)
        if step.uvlock:
            read_source(Path(step.uvlock), root, Path(step.uvlock).name)
            workspace = workspace.with_lock(Path(step.uvlock), root)
        locked = read_locked(workspace)
        if locked is None:
            message = "there is no uv.lock beside pyproject.toml"
            raise InputError.of(message, where=where, hint=f"run `uv lock` in {path.parent.resolve().name}")
        return _UvLockReader(project, workspace, with_root(locked, workspace), options, where).read(step, folder)
    except InputError as error:
        raise InputError(replace(each, message=_placed(each, where), where=where) for each in error.problems) from None


class _UvLockReader:
    """Reads what options choose of one project."""

    def __init__(
        self, project: Pyproject, workspace: UvWorkspace, locked: UvLock, options: SyncOptions, where: str
    ) -> None:
        self._project = project
        self._workspace = workspace
        self._locked = locked
        self._options = options
        self._where = where

    def read(self, step: UvProject, folder: Path) -> LockedProject:
        workspace, locked = self._workspace, self._locked
        choices = read_choices(self._project, workspace, self._options, self._where)
        several = [chosen_of(each, workspace, locked) for each in choices]
        rows = {row.key: row for chosen in several for row in close_any(locked, chosen)}
        if not self._options.frozen:
            refuse_stale(workspace, locked, rows.values())
        taken: list[ProjectParts] = []
        versions: dict[str, set[str]] = {}
        for choice, chosen in zip(choices, several, strict=True):
            left = left_out(choices, workspace, locked, chosen, self._options, installs=step.installs_project)
            closure = close_everywhere(locked, chosen).without(left)
            for name, version, _ in closure.edges:
                versions.setdefault(name, set()).add(version)
            if closure.roots:
                taken.append(self._taken(choice.project, chosen, {key[0] for key in closure.roots}, left, folder))
        files = {each.folder / FILE for each in (*workspace.members, workspace.root, self._project)}
        return LockedProject(
            taken=tuple(taken),
            versions={name: frozenset(each) for name, each in versions.items()},
            requires_python=tuple(text for text in (self._project.requires_python, locked.requires_python) if text),
            settings=self._settings(list(rows.values()), folder),
            build=self._build(),
            other_arguments=shlex.join(self._options.others),
            read=tuple(sorted({*files, workspace.lock})),
        )

    def _taken(
        self, project: Pyproject, chosen: ChosenProject, roots: set[str], left: tuple[str, ...], folder: Path
    ) -> ProjectParts:
        return ProjectParts(
            folder=relative(project.folder, folder),
            lock=relative(self._workspace.lock, folder),
            pins=digest_pins(self._locked, chosen, left if chosen.is_built else (*left, project.name)),
            roots=tuple(sorted(roots)),
            extras=chosen.extras,
            groups=chosen.groups,
            only_groups=chosen.only_groups,
            left_out=left,
        )

    def _build(self) -> Any:
        """Return what [tool.onedigest] of the project, or else of the root of its workspace, wants built."""
        return self._project.onedigest.get("build", self._workspace.root.onedigest.get("build", []))

    def _settings(self, rows: list[Row], folder: Path) -> dict[str, Any]:
        """Return settings of uv with paths from the script's folder, where the places of what is pinned are not."""
        root = self._workspace.root
        elsewhere = {row.name for row in rows if "registry" not in row.source}
        found: dict[str, Any] = {}
        for key in _KEPT:
            if key in root.uv:
                value = root.uv[key]
                found[key] = _without(value, elsewhere) if key in _OF_NAMES else _moved(value, key, root.folder, folder)
        indexes = [*(self._project.uv.get("index", []) if self._project is not root else []), *root.uv.get("index", [])]
        if indexes:
            found["index"] = [_moved(each, "index", root.folder, folder) for each in indexes]
        sources = {name: {"index": index} for name, index in _explicit(rows, indexes)}
        return {**found, "sources": sources} if sources else found


def _explicit(rows: list[Row], indexes: Any) -> Iterator[tuple[str, str]]:
    """Yield the packages that are pinned from an index which is searched for nothing that does not name it."""
    named = {
        str(each.get("url", "")).rstrip("/"): str(each["name"])
        for each in indexes
        if isinstance(each, dict) and each.get("explicit") is True and "name" in each
    }
    for row in sorted(rows, key=lambda row: row.key):
        address = str(row.source.get("registry", "")).rstrip("/")
        if address in named:
            yield row.name, named[address]


def _without(value: Any, names: set[str]) -> Any:
    """Return requirements without those of some names; what is none stays, for uv to refuse."""
    return (
        [each for each in value if not (isinstance(each, str) and _name(each) in names)]
        if isinstance(value, list)
        else value
    )


def _name(text: str) -> str:
    try:
        return str(canonicalize_name(requirement(text).name))
    except ValueError:
        return ""


def _moved(value: Any, key: str, start: Path, folder: Path) -> Any:
    """Return a setting whose paths are from another folder."""
    if key not in ("index", "index-url", "extra-index-url", "find-links"):
        return value
    if isinstance(value, dict):
        return {**value, "url": _moved(value["url"], key, start, folder)} if "url" in value else value
    if isinstance(value, list):
        return [_moved(each, key, start, folder) for each in value]
    if not isinstance(value, str) or "://" in value or value.startswith(("/", "file:")):
        return value
    return os.path.relpath(start / value, folder)


def _placed(problem: Problem, where: str) -> str:
    """Return a message with the place that it is about, which is another than the line that names the project."""
    named = problem.where in ("", where) or problem.message.startswith(f"{problem.where} ")
    return problem.message if named else f"{problem.where}: {problem.message}"
