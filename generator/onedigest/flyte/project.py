"""Knows projects with a uv.lock: what their lock pins, and whether it still answers their pyproject.toml."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.errors import InputError
from onedigest.flyte.definition import UvProject
from onedigest.flyte.requirements import split_words
from onedigest.inputs import uv

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
    """What a project asks for: requirements with hashes, as a requirements file; Python; and its settings of uv."""

    requirements: str
    requires_python: str
    settings: Mapping[str, Any]
    other_arguments: str


def read_project(step: UvProject, where: str, environment: Mapping[str, str]) -> LockedProject:
    """Read a project and its uv.lock, for which nothing is run but uv, without network.

    Raises `InputError` for a project without a lock, or with one that does not answer it any more.
    """
    if step.installs_project:
        raise InputError.of(
            '`with_uv_project(…, project_install_mode="install_project")` builds a package, and nothing is built here',
            where=where,
            hint="leave it out and add the sources with `with_source_folder`, or add a wheel that `uv build` made",
        )
    folder = Path(step.pyproject).parent
    project = _load(Path(step.pyproject), where)
    if not step.uvlock:
        raise InputError.of(
            "there is no uv.lock beside pyproject.toml", where=where, hint=f"run `uv lock` in {folder.name}"
        )
    lock = _load(Path(step.uvlock), where)
    _refuse_stale(project, lock, where)
    chosen, others = _split(step.options.extra_args, where)
    text = uv.export(Path(step.pyproject), Path(step.uvlock), chosen, where=where, environment=environment)
    own = project.get("tool", {}).get("uv", {})
    settings = {key: own[key] for key in _KEPT if key in own}
    sources = {name: source for name, source in own.get("sources", {}).items() if "index" in source}
    return LockedProject(
        requirements=text,
        requires_python=project.get("project", {}).get("requires-python", ""),
        settings={**settings, **({"sources": sources} if sources else {})},
        other_arguments=others,
    )


def _load(path: Path, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError.of(f"{path.name} cannot be read: {error.strerror}", where=where) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError.of(f"{path.name} is not valid TOML: {error}", where=where) from None


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


def _refuse_stale(project: Mapping[str, Any], lock: Mapping[str, Any], where: str) -> None:
    """Raise `InputError` unless a uv.lock was made from what the project asks for."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    table = project.get("project", {})
    asked = [*table.get("dependencies", [])]
    for several in table.get("optional-dependencies", {}).values():
        asked += several
    name = canonicalize_name(str(table.get("name", "")))
    own: Mapping[str, Any] = next((each for each in lock.get("package", ()) if each["name"] == name), {})
    locked = own.get("metadata", {}).get("requires-dist", [])
    try:
        wanted = sorted(_comparable(each.name, each.extras, str(each.specifier)) for each in map(Requirement, asked))
    except InvalidRequirement as error:
        raise InputError.of(f"pyproject.toml has a dependency that is no requirement: {error}", where=where) from None
    stated = sorted(_comparable(each["name"], each.get("extras", ()), each.get("specifier", "")) for each in locked)
    if wanted != stated:
        differing = sorted({each[0] for each in {*wanted} ^ {*stated}})
        raise InputError.of(
            f"uv.lock does not answer pyproject.toml any more: {', '.join(differing)}",
            where=where,
            hint="run `uv lock`",
        )


def _comparable(name: str, extras: Iterable[str], specifier: str) -> tuple[str, tuple[str, ...], str]:
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    return canonicalize_name(name), tuple(sorted(extras)), str(SpecifierSet(specifier))
