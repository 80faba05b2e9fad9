"""The rows of projects' uv.locks as rows of what an image is made of: their pins stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from onedigest.definition.project_parts import ProjectParts
from onedigest.definition.spec import Spec
from onedigest.definition.uv_project.built_rows import find_sources
from onedigest.definition.uv_project.closure import ChosenProject, Closure, close, close_any
from onedigest.definition.uv_project.image import choose
from onedigest.definition.uv_project.pyproject import Pyproject
from onedigest.definition.uv_project.selection import SelectedProject, chosen_of, with_root
from onedigest.definition.uv_project.uv_lock import Key, Row, UvLock, read_locked
from onedigest.definition.uv_project.workspace import UvWorkspace, find_workspace
from onedigest.errors import InputError, Problem
from onedigest.from_source.model import BuiltWheel
from onedigest.lock import asked_project
from onedigest.lock.base import Base
from onedigest.lock.parse import is_of
from onedigest.lock.source_builder import SourceBuilder
from onedigest.lock.targets import targets_of
from onedigest.lock.uv_lock_values import check_rows
from onedigest.platforms import Platform, marker_of
from onedigest.tools import uv
from onedigest.tools.uv_rows import WheelAddress, places_of, wheel_name


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedProject:
    """A project with its uv.lock, and what an image is of in it, but for the names in `left_out`."""

    project: Pyproject
    workspace: UvWorkspace
    locked: UvLock
    chosen: ChosenProject
    left_out: tuple[str, ...] = ()


def read_pinned(spec: Spec, folder: Path) -> tuple[PinnedProject, ...]:
    """Return the projects whose uv.lock pins packages of an image: its own in a folder, or those that it takes from.

    Raises `InputError`.
    """
    if spec.uv_projects:
        return tuple(_read_taken(each, folder) for each in spec.uv_projects)
    project, workspace = find_workspace(folder, folder)
    locked = _read_locked(workspace)
    chosen = choose(project, workspace, locked, spec.extras, spec.groups)
    virtual = tuple(
        row.name for row in close_any(locked, chosen) if "virtual" in row.source and row.key != chosen.row.key
    )
    return (PinnedProject(project=project, workspace=workspace, locked=locked, chosen=chosen, left_out=virtual),)


def _read_taken(taken: ProjectParts, folder: Path) -> PinnedProject:
    project, workspace = find_workspace(folder / taken.folder, folder)
    workspace = workspace.with_lock(folder / taken.lock, folder)
    locked = with_root(_read_locked(workspace), workspace)
    choice = SelectedProject(project=project, extras=taken.extras, groups=taken.groups, only_groups=taken.only_groups)
    return PinnedProject(
        project=project,
        workspace=workspace,
        locked=locked,
        chosen=chosen_of(choice, workspace, locked),
        left_out=taken.left_out,
    )


def _read_locked(workspace: UvWorkspace) -> UvLock:
    locked = read_locked(workspace)
    if locked is None:
        raise InputError.of("the uv.lock of the project is gone", where=workspace.shown, hint="run `uv lock`")
    return locked


def refuse_pinned(spec: Spec, folder: Path, moving: Collection[str]) -> None:
    """Raise `InputError` for packages that are to move and whose versions a uv.lock pins; `folder` is the script's."""
    if not moving:
        return
    pinned = pinned_names(read_pinned(spec, folder))
    if names := [name for name in sorted(moving) if canonicalize_name(name) in pinned]:
        raise InputError(
            Problem(f"`--upgrade-package {name}`: uv.lock pins it", "", f"run `uv lock --upgrade-package {name}`")
            for name in names
        )


def pinned_rows(spec: Spec, several: Sequence[PinnedProject], base: Base, builder: SourceBuilder) -> dict[str, Any]:
    """Return what uv.locks pin of an image, in the form of a uv.lock of a script: what was built has its wheel.

    Raises `InputError` with all that cannot be followed.
    """
    marker_values = {target.platform: target.marker_values for target in targets_of(base, spec.platforms)}
    closures: list[tuple[PinnedProject, Closure[Platform]]] = []
    for pinned in several:
        _refuse_other_python(pinned.locked, base)
        found = close(pinned.locked, pinned.chosen, marker_values).without(pinned.left_out)
        closures.append((pinned, found))
    _refuse_twins(closures)
    written: dict[Key, dict[str, Any]] = {}
    for pinned, closure in closures:
        keys = [key for key in closure.edges if key not in written]
        written |= _written(pinned, keys, spec.build, builder)
    needs = {key: [each.edges[key] for _, each in closures if key in each.edges] for key in written}
    roots = [each.roots for _, each in closures]
    for key, each in written.items():
        each["dependencies"] = _edges(_joined(needs[key]), written, spec.platforms)
    root = {
        "name": asked_project.NAME,
        "version": "0",
        "source": {"virtual": "."},
        "dependencies": _edges(_joined(roots), written, spec.platforms),
    }
    return {"package": [root, *written.values()]}


def _written(
    pinned: PinnedProject, keys: Iterable[Key], build: Collection[str], builder: SourceBuilder
) -> dict[Key, dict[str, Any]]:
    """Return rows of one uv.lock as they are written, with the wheels of those that are built."""
    rows = {key: pinned.locked.rows[key] for key in keys}
    _check(pinned, tuple(rows.values()))
    sources = find_sources(
        builder.folder,
        pinned.workspace,
        pinned.locked,
        rows.values(),
        build=build,
        settings_of=builder.settings_of,
    )
    found: dict[Key, dict[str, Any]] = {}
    for key, row in rows.items():
        found[key] = {"name": key[0], "version": key[1], "source": dict(row.source), "wheels": list(row.wheels)}
        if key in sources:
            found[key] |= _built_row(row, *builder.make(sources[key]))
        uv.make_absolute(found[key]["source"], pinned.workspace.root.folder)
    return found


def _joined(several: Iterable[Mapping[Key, frozenset[Platform]]]) -> dict[Key, frozenset[Platform]]:
    found: dict[Key, frozenset[Platform]] = {}
    for each in several:
        for key, users in each.items():
            found[key] = found.get(key, frozenset()) | users
    return found


def _built_row(row: Row, built: BuiltWheel, path: Path) -> dict[str, Any]:
    version = str(parse_wheel_filename(built.wheel.name)[1])
    if row.key[1] and row.key[1] != version:
        raise InputError.of(
            f"uv.lock has `{row.name}` {row.key[1]}, and what is built is {version}", hint="run `uv lock`"
        )
    wheel = {"filename": built.wheel.name, "hash": built.wheel.digest, "size": built.wheel.size}
    return {"version": version, "source": {"path": str(path)}, "wheels": [wheel]}


def _edges(
    targets: Mapping[Key, frozenset[Platform]], written: Mapping[Key, Mapping[str, Any]], platforms: Sequence[Platform]
) -> list[dict[str, Any]]:
    """Return edges as rows, each with the marker of the platforms that it is for."""
    found = []
    for key, users in sorted(targets.items()):
        edge = {"name": key[0], "version": written[key]["version"]}
        if users != frozenset(platforms):
            edge["marker"] = marker_of(sorted(users))
        found.append(edge)
    return found


def _check(pinned: PinnedProject, rows: Sequence[Row]) -> None:
    """Check the values of rows that others wrote: those of wheels, above all."""
    written: list[dict[str, Any]] = [
        {"name": row.name, "source": dict(row.source), "wheels": list(row.wheels)} for row in rows
    ]
    for each in written:
        uv.make_absolute(each["source"], pinned.workspace.root.folder)
    files = {str(row["source"]["path"]) for row in written if "path" in row["source"]}
    check_rows({"package": written}, files, pinned.locked.shown)
    if problems := list(_other_names(rows, pinned.locked)):
        raise InputError(problems)


def _other_names(rows: Iterable[Row], locked: UvLock) -> Iterator[Problem]:
    """Yield the wheels of rows that by their names are of another version, which uv refuses too."""
    for row in rows:
        names = filter(None, map(wheel_name, row.wheels))
        if row.key[1] and (name := next((each for each in names if not is_of(each, *row.key[:2])), "")):
            yield Problem(
                f"has `{name}`, which is not a wheel of {row.name} {row.key[1]}", locked.shown, "run `uv lock`"
            )


def _refuse_twins(closures: Iterable[tuple[PinnedProject, Closure[Platform]]]) -> None:
    """Raise `InputError` for what a lock cannot have: a version of two sources, or two versions on one platform."""
    seen: dict[tuple[str, str], Key] = {}
    versions: dict[tuple[str, Platform], tuple[str, str]] = {}
    for pinned, closure in closures:
        shown = pinned.locked.shown
        for key in closure.edges:
            if seen.setdefault(key[:2], key) != key:
                message = f"has `{key[0]}` {key[1]} from two sources, and an image has it from one"
                hint = "let all platforms of the image take it from one index, then run `uv lock`"
                raise InputError.of(message, where=shown, hint=hint)
            for platform in closure.users(key):
                version, place = versions.setdefault((key[0], platform), (key[1], shown))
                if version != key[1]:
                    message = f"has `{key[0]}` {key[1]}, and {place} has {version}: an image has one of them"
                    raise InputError.of(message, where=shown, hint="lock both projects to one version")


def _refuse_other_python(locked: UvLock, base: Base) -> None:
    if not SpecifierSet(locked.requires_python).contains(base.python, prereleases=True):
        message = f"is for Python {locked.requires_python}, and the base {base.reference} has {base.python}"
        raise InputError.of(message, where=locked.shown, hint="set another `base`, or `requires-python` in [project]")


def stated_places(
    several: Iterable[PinnedProject], wanted: Callable[[Row], bool] = lambda _: True
) -> dict[str, WheelAddress]:
    """Return where uv.locks say that the wheels of rows are."""
    found: dict[str, WheelAddress] = {}
    for pinned in several:
        rows = list(filter(wanted, _rows(pinned)))
        _check(pinned, rows)
        written: list[dict[str, Any]] = [{"source": dict(row.source), "wheels": list(row.wheels)} for row in rows]
        for each in written:
            uv.make_absolute(each["source"], pinned.workspace.root.folder)
        found |= places_of({"package": written})
    return found


def indexed_names(several: Iterable[PinnedProject]) -> frozenset[str]:
    """Return the packages that uv.locks take from an index."""
    return frozenset(row.name for pinned in several for row in _rows(pinned) if is_indexed(row))


def pinned_names(several: Iterable[PinnedProject]) -> frozenset[str]:
    """Return the packages that uv.locks pin of an image."""
    return frozenset(row.name for pinned in several for row in _rows(pinned))


def _rows(pinned: PinnedProject) -> list[Row]:
    return [row for row in close_any(pinned.locked, pinned.chosen) if row.name not in pinned.left_out]


def is_indexed(row: Row) -> bool:
    """Tell whether a row is of an index, which may be elsewhere on another machine."""
    return "registry" in row.source
