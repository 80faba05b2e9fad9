"""The check that a uv.lock still answers the projects that it was made from, and what differs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.assembler.file_tree import is_below
from onedigest.definition.uv_project.environments import MarkerEnvironments, allowed_pythons
from onedigest.definition.uv_project.pyproject import FILE, Pyproject, read_pyproject, strings, tables
from onedigest.definition.uv_project.requests import Request, RequestReader, Requests
from onedigest.definition.uv_project.uv_lock import Row, UvLock
from onedigest.definition.uv_project.workspace import UvWorkspace
from onedigest.digest import canonical_json
from onedigest.errors import InputError, Problem

_HINT = "run `uv lock`"
_MOST_NAMED = 10
_MANIFEST = (
    ("constraint-dependencies", "constraints"),
    ("override-dependencies", "overrides"),
    ("build-constraint-dependencies", "build-constraints"),
)


def refuse_stale(workspace: UvWorkspace, locked: UvLock, needed: Iterable[Row]) -> None:
    """Raise `InputError` where projects ask for something else than a uv.lock answers, naming what differs.

    `needed` are the rows that an image has: of those that are folders and no members, the projects count too.
    """
    try:
        problems = list(_differences(workspace, locked, needed))
    except ValueError as error:
        raise InputError.of(f"cannot be held against the projects: it {error}", where=locked.shown) from None
    if problems:
        raise InputError(problems)


def _differences(workspace: UvWorkspace, locked: UvLock, needed: Iterable[Row]) -> Iterator[Problem]:
    def problem(project: Pyproject, what: str, key: str) -> Problem:
        return Problem(f"it changed since {locked.shown} was made: {what}", project.where(key), _HINT)

    root = workspace.root
    reader = RequestReader(workspace, MarkerEnvironments(locked.requires_python))
    yield from (problem(root, what, "tool.uv.workspace") for what in _other_members(workspace, locked))
    yield from (problem(each, what, "project.requires-python") for each, what in _other_pythons(workspace, locked))
    for key, field in _MANIFEST:
        wanted = root.setting(key, _plain_requirements, ())
        if names := _differing(
            reader.requested(wanted, root, f"tool.uv.{key}"), reader.locked(_plain_rows(locked.manifest.get(field, [])))
        ):
            yield problem(root, f"`{key}` of {_listed(names)}", f"tool.uv.{key}")
    if _conflicts(root.setting("conflicts", untrusted.array, []), root) != _conflicts(locked.conflicts, root):
        yield problem(root, "`conflicts`", "tool.uv.conflicts")
    stated = {each.name for each in workspace.members}
    for project in workspace.members:
        row = _row(locked, project, workspace)
        if row is not None:
            yield from (problem(project, what, key) for what, key in _other_asks(reader, project, row))
    for row in needed:
        if row.place is not None and row.name not in stated:
            other = local_project(workspace, locked, row)
            if other is not None:
                yield from (problem(other, what, key) for what, key in _other_asks(reader, other, row))


def local_project(workspace: UvWorkspace, locked: UvLock, row: Row) -> Pyproject | None:
    """Return the project in the folder of a row, None where that has no pyproject.toml of its own.

    Raises `InputError` for a folder outside of the repository, also through a link.
    """
    folder = local_folder(workspace, locked, row)
    if not (folder / FILE).is_file():
        return None
    shown = posixpath.normpath(posixpath.join(posixpath.dirname(locked.shown), str(row.place), FILE))
    found = read_pyproject(folder.resolve(), workspace.repository, shown)
    return found if found.name else None


def local_folder(workspace: UvWorkspace, locked: UvLock, row: Row) -> Path:
    """Return the folder of a row, which is one of the repository. Raises `InputError`."""
    folder = workspace.root.folder / str(row.place)
    if not is_below(folder, workspace.repository):
        kind = "is a link that leads out" if folder.is_symlink() else "is outside"
        raise InputError.of(
            f"the folder of `{row.name}`, {row.place}, {kind} of {workspace.repository.name},"
            " which is all that an image is made of",
            where=locked.shown,
            hint="move it into the repository, or name its git repository in [tool.uv.sources]",
        )
    if not folder.is_dir():
        raise InputError.of(f"there is no folder {row.place} of `{row.name}`", where=locked.shown, hint=_HINT)
    return folder


def _row(locked: UvLock, project: Pyproject, workspace: UvWorkspace) -> Row | None:
    place = workspace.place(project.folder)
    return next((row for row in locked.rows.values() if row.name == project.name and row.place == place), None)


def _other_members(workspace: UvWorkspace, locked: UvLock) -> Iterator[str]:
    there = {each.name for each in workspace.members if each.name}
    stated = set(strings(locked.manifest.get("members", [])))
    if not stated:  # a project alone is not listed
        stated = {row.name for row in locked.rows.values() if row.place == "."}
    if added := there - stated:
        yield f"the workspace has {_listed(added)}"
    if gone := stated - there:
        yield f"the workspace has no {_listed(gone)} any more"


def _other_pythons(workspace: UvWorkspace, locked: UvLock) -> Iterator[tuple[Pyproject, str]]:
    """Yield the project whose `requires-python` is not that of the lock: all of them have a part in it."""
    asked = [each for each in workspace.members if each.requires_python]
    if not asked:
        return
    allowed = set(allowed_pythons(locked.requires_python))
    together = set.intersection(*(set(allowed_pythons(each.requires_python)) for each in asked))
    if allowed != together:
        wrong = next((each for each in asked if not allowed <= set(allowed_pythons(each.requires_python))), asked[0])
        yield wrong, f"`requires-python` is {wrong.requires_python!r}, and was {locked.requires_python!r}"


def _other_asks(reader: RequestReader, project: Pyproject, row: Row) -> Iterator[tuple[str, str]]:
    """Yield what a project asks for otherwise than its row states, and the key that it stands under."""
    groups = untrusted.table(row.metadata.get("requires-dev", {}))
    for group in sorted(project.groups.keys() | groups.keys()):
        wanted = reader.requested(project.groups.get(group, ()), project, "dependency-groups", group=group)
        if names := _differing(wanted, reader.locked(groups.get(group, []))):
            yield f"the group `{group}` has {_listed(names)} otherwise", "dependency-groups"
    if project.dynamic & {"dependencies", "optional-dependencies"}:
        return  # its backend says what these are
    stated = reader.locked(row.metadata.get("requires-dist", []))
    all_wanted = dict(reader.requested(project.dependencies, project, "project.dependencies"))
    for extra, texts in project.extras.items():
        key = f"project.optional-dependencies.{extra}"
        for ask, where in reader.requested(texts, project, key, extra=extra).items():
            all_wanted[ask] = all_wanted.get(ask, frozenset()) | where
    by_extra: dict[str, set[str]] = {}
    for ask in _differing_asks(all_wanted, stated):
        by_extra.setdefault(ask.extra, set()).add(ask.name)
    for extra, several in sorted(by_extra.items()):
        if extra:
            yield f"{_listed(several)} of the extra `{extra}`", f"project.optional-dependencies.{extra}"
        else:
            yield _listed(several), "project.dependencies"
    extras = set(strings(row.metadata.get("provides-extras", [])))
    if extras != set(project.extras) and not by_extra:
        yield f"the extras {_listed(extras ^ set(project.extras))}", "project.optional-dependencies"


def _differing(wanted: Requests, stated: Requests) -> list[str]:
    """Return the names of what two sides ask for in different ways."""
    return sorted({ask.name for ask in _differing_asks(wanted, stated)})


def _differing_asks(wanted: Requests, stated: Requests) -> Iterator[Request]:
    yield from (ask for ask in wanted.keys() | stated.keys() if wanted.get(ask) != stated.get(ask))


def _plain_requirements(value: Any) -> Sequence[str]:
    """Return requirements; those that are tables of uv's newer form are compared by nobody."""
    return tuple(each for each in untrusted.array(value) if isinstance(each, str))


def _plain_rows(value: Any) -> list[dict[str, Any]]:
    return [each for each in tables(value) if isinstance(each.get("name"), str)]


def _conflicts(value: Any, root: Pyproject) -> set[str]:
    """Return sets of what excludes each other, in one form: a package that is not named is the root."""

    def item(each: Mapping[str, Any]) -> str:
        return canonical_json({"package": root.name, **untrusted.plain(each)}).decode()

    return {canonical_json(sorted(map(item, tables(each)))).decode() for each in value}


def _listed(names: Iterable[str]) -> str:
    several = [f"`{untrusted.without_secrets(each)}`" for each in sorted(names)]
    more = f" and {len(several) - _MOST_NAMED} more" if len(several) > _MOST_NAMED else ""
    return ", ".join(several[:_MOST_NAMED]) + more
