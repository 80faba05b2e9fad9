"""Knows what an image of Flyte takes of a project with a uv.lock: all that is pinned there, as requirements."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.checkout import decoded
from onedigest.errors import InputError, Problem
from onedigest.flyte.definition import UvProject
from onedigest.flyte.reading import read_source
from onedigest.flyte.requirements import split_words
from onedigest.inputs import uv
from onedigest.uv_project.locked import parse_locked
from onedigest.uv_project.stale import refuse_stale
from onedigest.uv_project.workspace import Workspace, find_workspace

_WITH_VALUE = ("--extra", "--group", "--no-extra", "--no-group", "--only-group", "--package")
_CHOICES = ("--all-extras", "--all-groups", "--dev", "--no-default-groups", "--no-dev", "--only-dev", *_WITH_VALUE)
"""What `uv sync` and `uv export` both choose packages by."""

_KEPT = (
    "exclude-newer",
    "find-links",
    "index",
    "index-strategy",
    "index-url",
    "extra-index-url",
    "no-index",
    "prerelease",
)
"""Settings of the project's [tool.uv] that say where packages come from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedProject:
    """What a project asks for: requirements with hashes, as a requirements file; Python; and its settings of uv.

    `read` are the files that it stands in.
    """

    requirements: str
    requires_python: str
    settings: Mapping[str, Any]
    other_arguments: str
    read: tuple[Path, ...]


def read_project(step: UvProject, where: str, environment: Mapping[str, str], root: Path) -> LockedProject:
    """Read a project below a root and its uv.lock, for which nothing is run but uv, without network.

    Raises `InputError` for a project without a lock, or with one that does not answer it any more.
    """
    if step.installs_project:
        raise InputError.of(
            '`with_uv_project(…, project_install_mode="install_project")` builds a package, and nothing is built here',
            where=where,
            hint="leave it out and add the sources with `with_source_folder`, or add a wheel that `uv build` made",
        )
    path = Path(step.pyproject)
    try:
        read_source(path, root, path.name)
        project, workspace = find_workspace(path.parent, path.parent.resolve())
        lock = Path(step.uvlock) if step.uvlock else workspace.lock
        if not lock.exists():
            message = "there is no uv.lock beside pyproject.toml"
            raise InputError.of(message, where=where, hint=f"run `uv lock` in {path.parent.name}")
        locked = parse_locked(decoded(read_source(lock, root, lock.name), lock.name), lock.name)
        refuse_stale(workspace, locked, ())
        own = {key: workspace.root.uv[key] for key in _KEPT if key in workspace.root.uv}
        sources = project.setting("sources", untrusted.table, {})
    except InputError as error:
        raise InputError(replace(each, message=_placed(each, where), where=where) for each in error.problems) from None
    chosen, others = _split(step.options.extra_args, where)
    if project is not workspace.root:
        chosen = ["--package", project.name, *chosen]
    text = uv.export(workspace.root.folder / path.name, lock, chosen, where=where, environment=environment)
    indexed = {name: source for name, source in sources.items() if isinstance(source, dict) and "index" in source}
    return LockedProject(
        requirements=text,
        requires_python=project.requires_python,
        settings={**own, **({"sources": indexed} if indexed else {})},
        other_arguments=others,
        read=(path, lock, *_others(workspace, path)),
    )


def _others(workspace: Workspace, path: Path) -> list[Path]:
    """Return the files of the other projects of a workspace, which a uv.lock answers too."""
    folders = {workspace.root.folder, *(each.folder for each in workspace.members)} - {path.parent.resolve()}
    return [folder / path.name for folder in sorted(folders)]


def _placed(problem: Problem, where: str) -> str:
    """Return a message with the place that it is about, which is another than the line that names the project."""
    named = problem.where in ("", where) or problem.message.startswith(f"{problem.where} ")
    return problem.message if named else f"{problem.where}: {problem.message}"


def _split(text: str, where: str) -> tuple[list[str], str]:
    """Part the arguments that choose packages of a project from the others."""
    chosen: list[str] = []
    others: list[str] = []
    words = iter(split_words(text, where))
    for word in words:
        if word.partition("=")[0] in _CHOICES:
            chosen.append(word)
            if word in _WITH_VALUE:
                chosen.append(next(words, ""))
        elif word not in ("--no-install-project", "--frozen", "--locked", "--inexact", "--active"):
            others.append(word)
    return chosen, shlex.join(others)
