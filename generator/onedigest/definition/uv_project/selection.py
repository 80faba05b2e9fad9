"""The rows of a uv.lock that `uv sync` installs by its options, and those left to a bundle of code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from packaging.utils import canonicalize_name

from onedigest import untrusted
from onedigest.definition.uv_project.closure import ChosenProject, close_any
from onedigest.definition.uv_project.options import DEV, SyncOptions
from onedigest.definition.uv_project.pyproject import Pyproject, strings, tables
from onedigest.definition.uv_project.uv_lock import Edge, Key, Row, UvLock
from onedigest.definition.uv_project.workspace import UvWorkspace
from onedigest.errors import InputError, Problem

_NO_PROJECT: Key = ("", "", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedProject:
    """A project of a workspace, or its root without [project], with the extras and groups that it has."""

    project: Pyproject
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    only_groups: bool = False


def read_choices(project: Pyproject, workspace: UvWorkspace, options: SyncOptions, where: str) -> list[SelectedProject]:
    """Return what options choose, where `uv sync` runs in the folder of a project. Raises `InputError`."""
    projects = list(_projects(project, workspace, options, where))
    first = projects[0] if len(options.packages) == 1 and projects else project
    groups = _groups(first, projects, options)
    extras = {each for one in projects for each in one.extras} if options.all_extras else options.extras
    _refuse_unknown(projects, options, where)
    return [
        SelectedProject(
            project=each,
            extras=() if options.only_groups else tuple(sorted((extras - options.no_extras) & each.extras.keys())),
            groups=tuple(sorted(groups & each.groups.keys())),
            only_groups=bool(options.only_groups),
        )
        for each in projects
    ]


def _projects(project: Pyproject, workspace: UvWorkspace, options: SyncOptions, where: str) -> Iterator[Pyproject]:
    """Yield the projects that are installed: a root without [project] stands for all members, and its own groups."""
    members = {each.name: each for each in workspace.members if each.name}
    if unknown := sorted(options.packages - members.keys()):
        named = ", ".join(f"`{name}`" for name in sorted(members))
        message = f"`--package {unknown[0]}` names no project of the workspace"
        raise InputError.of(message, where=where, hint=f"its projects are {named}")
    if options.packages:
        yield from (members[name] for name in sorted(options.packages))
        return
    if options.all_packages or not project.name:
        yield from (members[name] for name in sorted(members))
        if not project.name:
            yield project
        return
    yield project


def _groups(first: Pyproject, projects: Iterable[Pyproject], options: SyncOptions) -> set[str]:
    """Return the names of groups; those that are said not to be there have the last word."""
    if options.only_groups:
        return options.only_groups - options.no_groups
    known = {name for each in projects for name in each.groups}
    found = set(known) if options.all_groups else set(options.groups)
    if not options.no_default_groups:
        default = first.setting("default-groups", _default_groups, (DEV,))
        found |= known if default is None else set(default)
    return found - options.no_groups


def _default_groups(value: Any) -> tuple[str, ...] | None:
    """Return the names of groups, None for all of them."""
    return None if value == "all" else tuple(str(canonicalize_name(each)) for each in strings(value))


def _refuse_unknown(projects: Iterable[Pyproject], options: SyncOptions, where: str) -> None:
    problems = []
    several = list(projects)
    extras = {name for each in several for name in each.extras}
    groups = {name for each in several for name in each.groups} | {DEV}
    asked = (("--extra", options.extras, extras), ("--group", options.groups, groups))
    for option, names, known in (*asked, ("--only-group", options.only_groups, groups)):
        for name in sorted(names - known):
            kind = "extras" if option == "--extra" else "groups"
            offered = ", ".join(f"`{each}`" for each in sorted(known))
            hint = f"its {kind} are {offered}" if offered else f"it has no {kind}: leave the option out"
            problems.append(Problem(f"`{option} {name}` names what the project has not", where, hint))
    if problems:
        raise InputError(problems)


def with_root(locked: UvLock, workspace: UvWorkspace) -> UvLock:
    """Return a uv.lock with a row for a root that has no [project], whose groups it states by their requirements."""
    if workspace.root.name:
        return locked
    by_name: dict[str, list[Row]] = {}
    for each in locked.rows.values():
        by_name.setdefault(each.name, []).append(each)
    try:
        groups = untrusted.table(locked.manifest.get("dependency-groups", {}))
        row = Row(
            key=_NO_PROJECT,
            source={"virtual": "."},
            edges=(),
            extras={},
            groups={
                str(canonicalize_name(name)): tuple(_edges(by_name, tables(each))) for name, each in groups.items()
            },
            wheels=(),
            archive=None,
            metadata={"requires-dev": groups},
        )
    except ValueError as error:
        message = f"cannot be used: `dependency-groups` {error}"
        raise InputError.of(message, where=locked.shown, hint="run `uv lock`") from None
    return replace(locked, rows={**locked.rows, _NO_PROJECT: row})


def _edges(by_name: Mapping[str, list[Row]], rows: Iterable[dict[str, Any]]) -> Iterator[Edge]:
    """Yield edges to what requirements name: to each version in the environments that it is for."""
    for each in rows:
        name = str(canonicalize_name(untrusted.project_name(each.get("name"))))
        marker = untrusted.line(each.get("marker", ""))
        for row in by_name.get(name, ()):
            forks = " or ".join(f"({fork})" for fork in row.forks)
            parts = [f"({text})" for text in (marker, forks) if text]
            yield Edge(
                name=name,
                version=row.key[1],
                source=row.key[2],
                extras=tuple(str(canonicalize_name(extra)) for extra in strings(each.get("extras", []))),
                marker=" and ".join(parts),
            )


def chosen_of(choice: SelectedProject, workspace: UvWorkspace, locked: UvLock) -> ChosenProject:
    """Return what is chosen as a row of a uv.lock, which `with_root` gave. Raises `InputError`."""
    project = choice.project
    row = locked.own_row(project.name, workspace.place(project.folder)) if project.name else locked.rows[_NO_PROJECT]
    return ChosenProject(row=row, extras=choice.extras, groups=choice.groups, only_groups=choice.only_groups)


def left_out(
    choices: Collection[SelectedProject],
    workspace: UvWorkspace,
    locked: UvLock,
    chosen: ChosenProject,
    options: SyncOptions,
    *,
    installs: bool,
) -> tuple[str, ...]:
    """Return the names of rows that are not installed.

    Where a project is not installed, its code travels in a bundle, and with it that of what is editable below the
    folder of the uv.lock: what is above it is built.
    """
    own = {each.project.name for each in choices} if len(choices) == 1 else set()
    members = {each.name for each in workspace.members}
    found = set(options.no_install)
    for row in close_any(locked, chosen):
        if row.place is None or (row.key == chosen.row.key and "virtual" in row.source):
            continue
        is_bundled = not installs and not options.no_editable and "editable" in row.source and _is_inside(row.place)
        if (
            "virtual" in row.source
            or is_bundled
            or options.no_install_local
            or (options.no_install_workspace and row.name in members)
            or (row.name in own and (options.no_install_project or not installs))
        ):
            found.add(row.name)
    return tuple(sorted(found & {row.name for row in close_any(locked, chosen)}))


def _is_inside(place: str) -> bool:
    return not place.startswith(("../", "/")) and place != ".."
