"""Knows how the uv.lock of a project becomes what an image is made of: its pins stand, and nothing is resolved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from onedigest.errors import InputError, Problem
from onedigest.from_source.model import Built
from onedigest.inputs import uv
from onedigest.inputs.uv_rows import Place, places_of, wheel_name
from onedigest.lock import shadow
from onedigest.lock.author import Author
from onedigest.lock.base import Base
from onedigest.lock.found import check_rows
from onedigest.lock.model import Lock, Package
from onedigest.lock.reading import is_of
from onedigest.lock.selection import select
from onedigest.lock.targets import targets_of
from onedigest.lock.workshop import Workshop
from onedigest.platforms import Platform, marker_of
from onedigest.spec import Spec
from onedigest.uv_project.built_rows import find_sources
from onedigest.uv_project.closure import Chosen, close, close_any
from onedigest.uv_project.image import choose
from onedigest.uv_project.locked import Key, Locked, Row, read_locked
from onedigest.uv_project.pinned_python import other_python
from onedigest.uv_project.pyproject import Pyproject
from onedigest.uv_project.workspace import Workspace, find_workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """A project with its uv.lock, and what an image is of in it."""

    project: Pyproject
    workspace: Workspace
    locked: Locked
    chosen: Chosen


def read_pinned(spec: Spec, folder: Path) -> Pinned:
    """Return the project in a folder, whose uv.lock answers it. Raises `InputError`."""
    project, workspace = find_workspace(folder, folder)
    locked = read_locked(workspace)
    if locked is None:
        raise InputError.of("the uv.lock of the project is gone", where=workspace.shown, hint="run `uv lock`")
    chosen = choose(project, workspace, locked, spec.extras, spec.groups)
    return Pinned(project=project, workspace=workspace, locked=locked, chosen=chosen)


def answer_project(
    spec: Spec, base: Base, workshop: Workshop, kept: frozenset[str], folder: Path, author: Author
) -> tuple[tuple[Package, ...], tuple[tuple[str, str], ...], dict[str, Place]]:
    """Return the packages and the roots of a project's image, and address and digest of each wheel by its name.

    `folder` is the project's. A wheel of `kept` counts before better ones.
    """
    pinned = read_pinned(spec, folder)
    if said := other_python(pinned.project, pinned.workspace, base.python):
        author.warn(said)
    found = pinned_rows(spec, pinned, base, workshop)
    packages, roots = select(found, targets_of(base, spec.platforms), base.reference, kept)
    return packages, roots, places_of(found)


def refuse_pinned(previous: Lock | None, moving: Collection[str]) -> None:
    """Raise `InputError` for packages that are to move and whose versions a uv.lock pins."""
    pinned = {package.name for package in (previous.packages if previous else ()) if package.origin is None}
    if names := [name for name in sorted(moving) if canonicalize_name(name) in pinned]:
        raise InputError(
            Problem(f"`--upgrade-package {name}`: uv.lock pins it", "", f"run `uv lock --upgrade-package {name}`")
            for name in names
        )


def pinned_rows(spec: Spec, pinned: Pinned, base: Base, workshop: Workshop) -> dict[str, Any]:
    """Return what a uv.lock pins of an image, in the form of a uv.lock of a script: what was built has its wheel.

    Raises `InputError` with all that cannot be followed.
    """
    targets = targets_of(base, spec.platforms)
    locked = pinned.locked
    _refuse_other_python(locked, base)
    environments = {target.platform: target.marker_values for target in targets}
    closure = close(locked, pinned.chosen, environments)
    rows = {key: locked.rows[key] for key in closure.edges}
    _refuse_twins(rows, locked)
    _check(pinned, tuple(rows.values()))

    sources = find_sources(
        pinned.project,
        pinned.workspace,
        locked,
        rows.values(),
        build=spec.build,
        settings_of=workshop.settings_of,
    )
    written: dict[Key, dict[str, Any]] = {}
    for key, row in rows.items():
        written[key] = {"name": key[0], "version": key[1], "source": dict(row.source), "wheels": list(row.wheels)}
        if key in sources:
            written[key] |= _built_row(row, *workshop.make(sources[key]))
    for each in written.values():
        uv.make_absolute(each["source"], pinned.workspace.root.folder)
    for key, each in written.items():
        each["dependencies"] = _edges(closure.edges[key], written, spec.platforms)
    root = {
        "name": shadow.NAME,
        "version": "0",
        "source": {"virtual": "."},
        "dependencies": _edges(closure.roots, written, spec.platforms),
    }
    return {"package": [root, *written.values()]}


def _built_row(row: Row, built: Built, path: Path) -> dict[str, Any]:
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


def _check(pinned: Pinned, rows: Sequence[Row]) -> None:
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


def _other_names(rows: Iterable[Row], locked: Locked) -> Iterator[Problem]:
    """Yield the wheels of rows that by their names are of another version, which uv refuses too."""
    for row in rows:
        names = filter(None, map(wheel_name, row.wheels))
        if row.key[1] and (name := next((each for each in names if not is_of(each, *row.key[:2])), "")):
            yield Problem(
                f"has `{name}`, which is not a wheel of {row.name} {row.key[1]}", locked.shown, "run `uv lock`"
            )


def _refuse_twins(rows: Mapping[Key, Row], locked: Locked) -> None:
    """Raise `InputError` for a version that different platforms take from different sources: a lock has one of it."""
    seen: set[tuple[str, str]] = set()
    for name, version, _ in rows:
        if (name, version) in seen:
            message = f"has `{name}` {version} from two sources, and an image has it from one"
            hint = "let all platforms of the image take it from one index, then run `uv lock`"
            raise InputError.of(message, where=locked.shown, hint=hint)
        seen.add((name, version))


def _refuse_other_python(locked: Locked, base: Base) -> None:
    if not SpecifierSet(locked.requires_python).contains(base.python, prereleases=True):
        message = f"is for Python {locked.requires_python}, and the base {base.reference} has {base.python}"
        raise InputError.of(message, where=locked.shown, hint="set another `base`, or `requires-python` in [project]")


def stated_places(pinned: Pinned, wanted: Callable[[Row], bool] = lambda _: True) -> dict[str, Place]:
    """Return where the uv.lock of a project says that the wheels of rows are."""
    rows = list(filter(wanted, close_any(pinned.locked, pinned.chosen)))
    _check(pinned, rows)
    written: list[dict[str, Any]] = [{"source": dict(row.source), "wheels": list(row.wheels)} for row in rows]
    for each in written:
        uv.make_absolute(each["source"], pinned.workspace.root.folder)
    return places_of({"package": written})


def indexed_names(pinned: Pinned) -> frozenset[str]:
    """Return the packages that the uv.lock of a project takes from an index."""
    return frozenset(row.name for row in close_any(pinned.locked, pinned.chosen) if is_indexed(row))


def is_indexed(row: Row) -> bool:
    """Tell whether a row is of an index, which may be elsewhere on another machine."""
    return "registry" in row.source
