"""The surroundings of a local project: the folder that none may leave, its workspace, and the sources they declare."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from onedigest import untrusted
from onedigest.assembler.file_tree import Budget, check_pattern, match
from onedigest.checkout import decoded, read_inside, unusable_as_input_error
from onedigest.definition.uv_project.pyproject import FILE
from onedigest.errors import InputError
from onedigest.lock import uv_values

T = TypeVar("T")

_MARKS = (".git", "onedigest.toml")
_MOST_MEMBERS = 1000
_MOST_LOOKED_AT = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredPlaces:
    """What a pyproject.toml says of where packages are: each source with the folder that its path is from."""

    sources: Mapping[str, tuple[Any, Path]] = field(default_factory=dict)
    indexes: tuple[Mapping[str, Any], ...] = ()


def find_root(folder: Path) -> Path:
    """Return the folder of the repository that a folder is in, else of its project or workspace, else itself."""
    above = [folder, *folder.parents]
    for mark in _MARKS:
        for each in above:
            if (each / mark).exists():
                return each
    return next((each for each in above if _is_workspace(each)), folder)


def inside_hint(root: Path) -> str:
    """Say how a local project comes to be in a repository."""
    if any((root / mark).exists() for mark in _MARKS):
        return "move it into the repository, or take it from git"
    return "put an empty onedigest.toml into the folder that has both, or make that a repository of git"


def find_workspace(folder: Path, root: Path) -> Path | None:
    """Return the nearest workspace around a folder, below a root."""
    for each in [folder, *folder.parents]:
        if _is_workspace(each):
            return each
        if each == root:
            break
    return None


def members(workspace: Path, root: Path) -> dict[str, Path]:
    """Return the members of a workspace by their names; its own project is one of them. Raises `InputError`."""
    own = _uv_table(_load(workspace, root)).get("workspace")
    table = own if isinstance(own, dict) else {}
    left = {path.resolve() for path in _matching(workspace, table.get("exclude"))}
    found: dict[str, Path] = {}
    for place in [workspace, *_matching(workspace, table.get("members"))]:
        if place.resolve() in left or not (place / FILE).is_file():
            continue
        project = _load(place, root).get("project")
        name = project.get("name") if isinstance(project, dict) else None
        if isinstance(name, str):
            found.setdefault(canonicalize_name(name), place)
    return found


def declared_by(folder: Path, root: Path) -> DeclaredPlaces:
    """Return what a project says of where packages are, or its workspace where it says nothing. Raises `InputError`."""
    if not (folder / FILE).is_file():
        return DeclaredPlaces()
    own = _declared(folder, root)
    workspace = find_workspace(folder, root)
    if workspace is None or folder == workspace or folder not in members(workspace, root).values():
        return own
    around = _declared(workspace, root)
    return DeclaredPlaces(sources={**around.sources, **own.sources}, indexes=(*own.indexes, *around.indexes))


def is_no_package(folder: Path, root: Path) -> bool:
    """Tell whether a project says that it is not to be installed; one that cannot be read says nothing."""
    try:
        return _uv_table(_load(folder, root)).get("package") is False
    except (InputError, OSError, ValueError):  # such as for a path that is too long
        return False


def _declared(folder: Path, root: Path) -> DeclaredPlaces:
    table = _uv_table(_load(folder, root))
    where = _shown(folder, root)
    sources = _read("sources", uv_values.sources, table.get("sources", {}), where)
    indexes = _read("index", uv_values.indexes, table.get("index", []), where)
    named: dict[str, tuple[Any, Path]] = {canonicalize_name(name): (each, folder) for name, each in sources.items()}
    return DeclaredPlaces(sources=named, indexes=tuple(indexes))


def _read(key: str, check: Callable[[Any], T], value: Any, where: str) -> T:
    try:
        return check(value)
    except ValueError as error:
        raise InputError.of(f"`{key}` in [tool.uv] {error}", where=where) from None


def _is_workspace(folder: Path) -> bool:
    try:
        return isinstance(_uv_table(_load(folder, folder)).get("workspace"), dict)
    except InputError:
        return False


def _load(folder: Path, root: Path) -> Mapping[str, Any]:
    path, where = folder / FILE, _shown(folder, root)
    if not path.is_file():
        return {}
    try:
        return untrusted.load_toml(decoded(read_inside(path, root, where), where))
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(f"is not valid TOML: {error}", where=where) from None


def _shown(folder: Path, root: Path) -> str:
    path = folder / FILE
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _uv_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = document.get("tool")
    own = tool.get("uv") if isinstance(tool, dict) else None
    return own if isinstance(own, dict) else {}


def _matching(workspace: Path, patterns: Any) -> Iterator[Path]:
    """Yield the folders that patterns of a workspace match, sorted."""
    count = 0
    budget = Budget(_MOST_LOOKED_AT, untrusted.quoted)
    for pattern in patterns if isinstance(patterns, list) else ():
        try:
            check_pattern(str(pattern).strip("/"))
        except ValueError:
            continue  # uv says what is wrong with it, or it is about a folder elsewhere
        with unusable_as_input_error():
            found = sorted(set(match(workspace, str(pattern).strip("/"), budget)))
        for path in found:
            if path.is_dir():
                count += 1
                if count > _MOST_MEMBERS:
                    raise InputError.of(f"the workspace has more than {_MOST_MEMBERS} members", where=FILE)
                yield path
