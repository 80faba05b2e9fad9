"""The image of a project, from its pyproject.toml, its uv.lock and the settings around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onedigest.checkout import find_repository
from onedigest.definition import values
from onedigest.definition.project import PYPROJECT, Project
from onedigest.errors import InputError
from onedigest.workspace.context import Context
from onedigest.workspace.script_image import ScriptImage, make_image


def is_project(path: Path) -> bool:
    """Tell whether a path is that of a project's file."""
    return path.name == PYPROJECT


def names_project(path: Path) -> bool:
    """Tell whether a path is the file of a project, or a folder that has one and is no layout of an image."""
    return is_project(path) or ((path / PYPROJECT).is_file() and not (path / "oci-layout").exists())


def find_project_file(path: Path) -> Path:
    """Return the pyproject.toml that is meant by a folder, or by itself. Raises `InputError`."""
    from onedigest.wording import shown

    found = path / PYPROJECT if path.is_dir() else path
    if not found.is_file():
        hint = "name a script, or a folder that has a pyproject.toml"
        raise InputError.of(f"the folder has no {PYPROJECT}", where=shown(path), hint=hint)
    return found


def read_image(context: Context, path: Path) -> ScriptImage:
    """Return the image of the project whose pyproject.toml that is. Raises `InputError`."""
    from onedigest.definition.project_parts import ProjectSettings
    from onedigest.definition.uv_project.image import default_entrypoint, describe
    from onedigest.definition.uv_project.pyproject import read_pyproject

    folder = path.parent.resolve()
    here = context.folder.resolve()
    named = path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
    own = read_pyproject(folder, find_repository(folder) or folder, named)
    found = describe(folder, here, _names(own.onedigest, "extras"), _names(own.onedigest, "groups"))
    context.warn(found.script.warnings)

    def entrypoint(has_files: bool) -> tuple[str, ...]:  # noqa: FBT001  as `OfProject` calls it
        return default_entrypoint(found, has_files=has_files)

    of = ProjectSettings(name=found.project.name, uv_lock=found.pins, entrypoint=entrypoint)
    return make_image(context, found.script, path, of=of, around=_around(context, folder), read=found.read)


def _around(context: Context, folder: Path) -> Project:
    """Return the project that an image is in: its own file says what it is, and one above what is usual there."""
    own = context.project(folder)
    if own.file != PYPROJECT or own.root.resolve() != folder:
        return own
    above = context.project(folder.parent) if not (folder / ".git").exists() and folder != folder.parent else own
    usual = above if above is not own and above.file else Project(root=own.root)
    return Project(
        root=own.root, file=usual.file, table=usual.table, lines=usual.lines, scripts=own.scripts, marked=True
    )


def _names(table: Any, key: str) -> tuple[str, ...]:
    """Return names of a key; what is wrong with them is said when the whole table is read."""
    try:
        return values.project_names(table.get(key, []))
    except ValueError:
        return ()
