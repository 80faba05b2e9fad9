"""The image of a project as a script with the project's settings, its program, and its pins."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.definition.project import OWN_KEYS
from onedigest.definition.script import Script
from onedigest.definition.spec import requirement
from onedigest.definition.uv_project.closure import ChosenProject, close_any, digest_pins
from onedigest.definition.uv_project.markers import conflict_extra, conflict_group
from onedigest.definition.uv_project.pyproject import FILE, Pyproject
from onedigest.definition.uv_project.requests import find_sources
from onedigest.definition.uv_project.staleness import refuse_stale
from onedigest.definition.uv_project.uv_lock import UvLock, read_locked
from onedigest.definition.uv_project.workspace import UvWorkspace, find_workspace
from onedigest.errors import InputError, Problem
from onedigest.formats import VENV_PROGRAMS

_STILL_COUNT = (
    *("build-constraint-dependencies", "config-settings", "config-settings-package", "extra-build-dependencies"),
    *("extra-build-variables", "extra-index-url", "find-links", "index", "index-strategy", "index-url", "no-index"),
    *("override-dependencies",),
)
"""Settings of [tool.uv] that still count where a uv.lock has chosen: where indexes are, and how a wheel is built."""

_OF_PROJECTS = frozenset(
    {
        *("add-bounds", "build-backend", "cache-keys", "check-url", "conflicts", "default-groups", "dependency-groups"),
        *("dev-dependencies", "environments", "managed", "package", "pip", "publish-url", "required-environments"),
        *("required-version", "sources", "trusted-publishing", "workspace"),
    }
)
"""Settings of [tool.uv] that are about a project, and say nothing of which versions are chosen for an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectImage:
    """What an image of a project is asked to be. `pins` is the digest of what uv.lock pins of it, or empty.

    `script` has the requirements that the image has, and the settings of its [tool.onedigest]; `programs` are what the
    project installs; `is_built` tells whether it is installed itself. `read` are the files that all this stands in.
    """

    project: Pyproject
    workspace: UvWorkspace
    script: Script
    programs: tuple[str, ...]
    is_built: bool
    pins: str
    read: tuple[Path, ...]


def describe(folder: Path, shown_from: Path, extras: Collection[str], groups: Collection[str]) -> ProjectImage:
    """Read a project with its workspace and its uv.lock; `extras` and `groups` are normalized.

    Raises `InputError` with what is wrong, a project that changed since its uv.lock was made included.
    """
    project, workspace = find_workspace(folder, shown_from)
    if not project.name:
        hint = "name a script, or add [project] with `name` and `version`, as `uv init` writes it"
        if members := sorted(posixpath.dirname(each.shown) for each in workspace.members if each.name):
            hint = f"name a member of the workspace: {', '.join(f'`{each}`' for each in members)}"
        raise InputError.of("there is no [project], which says what is installed", where=project.where(""), hint=hint)
    _refuse_unknown(project, extras, groups)
    locked = read_locked(workspace)
    pins, is_built = "", project.is_package
    if locked is not None:
        chosen = choose(project, workspace, locked, extras, groups)
        _refuse_conflicts(locked, chosen, project)
        refuse_stale(workspace, locked, close_any(locked, chosen))
        pins, is_built = digest_pins(locked, chosen), chosen.is_built
    read = {each.folder / FILE for each in (*workspace.members, workspace.root, project)}
    if locked is not None:
        read.add(workspace.lock)
    return ProjectImage(
        project=project,
        workspace=workspace,
        script=_script(project, workspace, extras, groups, locked, is_built=is_built),
        programs=project.programs if is_built else (),
        is_built=is_built,
        pins=pins,
        read=tuple(sorted(read)),
    )


def choose(
    project: Pyproject, workspace: UvWorkspace, locked: UvLock, extras: Collection[str], groups: Collection[str]
) -> ChosenProject:
    """Return what an image is of in a uv.lock."""
    row = locked.own_row(project.name, workspace.place(project.folder))
    return ChosenProject(row=row, extras=tuple(sorted(extras)), groups=tuple(sorted(groups)))


def _refuse_unknown(project: Pyproject, extras: Collection[str], groups: Collection[str]) -> None:
    problems = []
    for key, asked, known in (("extras", extras, project.extras), ("groups", groups, project.groups)):
        for name in sorted(set(asked) - known.keys()):
            offered = ", ".join(f"`{each}`" for each in sorted(known))
            hint = f"its {key} are {offered}" if known else f"it has no {key}: leave the key out"
            message = f"`{key}` names `{name}`, which the project has not"
            problems.append(Problem(message, project.where(f"tool.onedigest.{key}"), hint))
    if problems:
        raise InputError(problems)


def _refuse_conflicts(locked: UvLock, chosen: ChosenProject, project: Pyproject) -> None:
    """Raise `InputError` for extras and groups of which uv was told that they exclude each other."""
    active = chosen.names()
    for several in locked.conflicts:
        asked = [
            f"`{each.get('extra') or each.get('group')}`"
            for each in (several if isinstance(several, list) else [])
            if isinstance(each, dict) and _conflict_name(each) in active
        ]
        if len(asked) > 1:
            message = f"{' and '.join(asked)} exclude each other, says `conflicts` in [tool.uv]"
            raise InputError.of(message, where=project.where("tool.onedigest"), hint="choose one of them")


def _conflict_name(item: Mapping[str, Any]) -> str:
    package = str(canonicalize_name(str(item.get("package", ""))))
    if "group" in item:
        return conflict_group(package, str(canonicalize_name(str(item["group"]))))
    return conflict_extra(package, str(canonicalize_name(str(item.get("extra", "")))))


def _script(
    project: Pyproject,
    workspace: UvWorkspace,
    extras: Collection[str],
    groups: Collection[str],
    locked: UvLock | None,
    *,
    is_built: bool,
) -> Script:
    try:
        dependencies = list(_dependencies(project, extras, groups, is_built=is_built))
    except ValueError as error:
        message = f"a dependency is no requirement: {error}"
        raise InputError.of(message, where=project.where("project.dependencies")) from None
    pythons = [each for each in (project.requires_python, locked.requires_python if locked else "") if each]
    lines = dict(project.lines)
    for key in ("dependencies", "requires-python"):
        lines[key] = lines.get(f"project.{key}", lines.get("project", 1))
    return Script(
        path=project.shown,
        text=project.text,
        requires_python=",".join(dict.fromkeys(pythons)),
        dependencies=tuple(dict.fromkeys(dependencies)),
        onedigest={key: value for key, value in project.onedigest.items() if key not in OWN_KEYS},
        uv=_settings(project, workspace, dependencies, is_locked=locked is not None, is_built=is_built),
        lines=lines,
        warnings=() if locked else (_unlocked(project, workspace),),
    )


def _dependencies(
    project: Pyproject, extras: Collection[str], groups: Collection[str], *, is_built: bool
) -> Iterator[str]:
    """Yield what an image is asked to have: the project itself where it is built, else what it asks for."""
    if is_built:
        yield f"{project.name}[{','.join(sorted(extras))}]" if extras else project.name
    else:
        yield from project.dependencies
        for extra in _with_own(project, extras):
            yield from (text for text in project.extras[extra] if not _is_own(project, text))
    for group in sorted(groups):
        yield from (text for text in project.groups[group] if is_built or not _is_own(project, text))


def _with_own(project: Pyproject, extras: Iterable[str]) -> list[str]:
    """Return extras with those that they ask for of the project itself."""
    found: dict[str, None] = {}
    waiting = sorted(extras, reverse=True)
    while waiting:
        extra = waiting.pop()
        if extra in found:
            continue
        found[extra] = None
        for text in project.extras.get(extra, ()):
            if _is_own(project, text):
                waiting += sorted(str(canonicalize_name(each)) for each in requirement(text).extras)
    return [extra for extra in found if extra in project.extras]


def _is_own(project: Pyproject, text: str) -> bool:
    return canonicalize_name(requirement(text).name) == project.name


def _settings(
    project: Pyproject, workspace: UvWorkspace, dependencies: Iterable[str], *, is_locked: bool, is_built: bool
) -> dict[str, Any]:
    """Return what [tool.uv] says of indexes, and without a uv.lock of everything that chooses versions."""
    root = workspace.root
    if is_locked:
        return {key: root.uv[key] for key in _STILL_COUNT if key in root.uv}
    found = {key: value for key, value in root.uv.items() if key not in _OF_PROJECTS}
    if "index" in project.uv and project is not root:
        found["index"] = [*project.setting("index", list, []), *found.get("index", [])]
    sources: dict[str, Any] = {project.name: {"path": "."}} if is_built else {}
    for text in dependencies:
        name = requirement(text).name
        if canonicalize_name(name) != project.name and (several := find_sources(project, root, name)):
            sources[name] = several if len(several) > 1 else several[0]
    return {**found, "sources": sources} if sources else found


def _unlocked(project: Pyproject, workspace: UvWorkspace) -> Problem:
    message = f"there is no {posixpath.basename(workspace.shown)}, so the versions are chosen for this image alone"
    return Problem(message, project.where("project"), "run `uv lock`, whose pins every environment of the project has")


def default_entrypoint(image: ProjectImage, *, has_files: bool) -> tuple[str, ...]:
    """Return how an image of a project starts. Raises `InputError` with the lines to write where it does not say."""
    if len(image.programs) == 1:
        return (f"{VENV_PROGRAMS}/{image.programs[0]}",)
    project = image.project
    where = project.where("tool.onedigest") if "tool.onedigest" in project.lines else project.where("project")
    if image.programs:
        listed = ", ".join(f"`{name}`" for name in image.programs)
        message = (
            f"[project.scripts] has {len(image.programs)} programs, and none is named as the entry point: {listed}"
        )
        raise InputError.of(message, where=where, hint=_lines([f'"{VENV_PROGRAMS}/{image.programs[0]}"']))
    if image.is_built:
        message = "no program is named: [project.scripts] has none"
        module = project.name.replace("-", "_")
        raise InputError.of(message, where=where, hint=_lines([f'"{VENV_PROGRAMS}/python"', '"-m"', f'"{module}"']))
    files, words = _guess(project)
    if has_files:
        raise InputError.of("no entry point is named", where=where, hint=_lines(words))
    message = "the project is no package, since it has no [build-system], and `files` names none of its code"
    also = f"{_BACKEND}\nor " if project.programs else ""
    raise InputError.of(message, where=where, hint=also + _lines(words, files))


def _lines(words: Iterable[str], files: Iterable[str] = ()) -> str:
    listed = ", ".join(f'"{each}"' for each in files)
    named = f"\n  files = [{listed}]" if listed else ""
    return f"write in {FILE}\n  [tool.onedigest]{named}\n  entrypoint = [{', '.join(words)}]"


_BACKEND = """to install what [project.scripts] names, write in pyproject.toml
  [build-system]
  requires = ["hatchling"]
  build-backend = "hatchling.build\""""
_MAINS = ("main.py", "app.py", "__main__.py", "hello.py")


def _guess(project: Pyproject) -> tuple[list[str], list[str]]:
    """Return the files and the words that most likely start a project which is no package."""
    python = f'"{VENV_PROGRAMS}/python"'
    folders = [each for each in ("app", project.name.replace("-", "_"), "src") if (project.folder / each).is_dir()]
    main = next((each for each in _MAINS if (project.folder / each).is_file()), "")
    place = next((f"{folder}/main.py" for folder in folders if (project.folder / folder / "main.py").is_file()), "")
    files = [*([main] if main else []), *(f"{folder}/**/*" for folder in folders)] or ["*.py"]
    names = {canonicalize_name(requirement(text).name) for text in project.dependencies}
    module = (main or place or "main.py").removesuffix(".py").replace("/", ".")
    if names & {"fastapi", "uvicorn"}:
        return files, [f'"{VENV_PROGRAMS}/uvicorn"', f'"{module}:app"', '"--host"', '"0.0.0.0"']
    if main or not place:
        return files, [python, f'"/app/{main or "main.py"}"']
    return files, [python, '"-m"', f'"{module}"']
