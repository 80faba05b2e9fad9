"""Knows projects with a uv.lock: what their lock pins, and whether it still answers their pyproject.toml."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest import conflicts
from onedigest.errors import InputError
from onedigest.flyte.definition import UvProject
from onedigest.flyte.reading import read_source
from onedigest.flyte.requirements import split_words
from onedigest.inputs import uv
from onedigest.spec import normalized_specifier, requirement
from onedigest.untrusted import load_toml, without_secrets

_MOST = 10_000
_KINDS: Mapping[type[Any], str] = {dict: "a table", list: "a list", str: "a string"}

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
    folder = Path(step.pyproject).parent
    project = _load(Path(step.pyproject), where, root)
    if not step.uvlock:
        raise InputError.of(
            "there is no uv.lock beside pyproject.toml", where=where, hint=f"run `uv lock` in {folder.name}"
        )
    lock = _load(Path(step.uvlock), where, root)
    try:
        _refuse_stale(project, lock, where)
        own = _get(_get(project, "tool", dict, {}), "uv", dict, {})
        requires_python = _get(_get(project, "project", dict, {}), "requires-python", str, "")
        sources = _get(own, "sources", dict, {})
    except ValueError as error:
        raise InputError.of(str(error), where=where) from None
    chosen, others = _split(step.options.extra_args, where)
    text = uv.export(Path(step.pyproject), Path(step.uvlock), chosen, where=where, environment=environment)
    settings = {key: own[key] for key in _KEPT if key in own}
    indexed = {name: source for name, source in sources.items() if isinstance(source, dict) and "index" in source}
    return LockedProject(
        requirements=text,
        requires_python=requires_python,
        settings={**settings, **({"sources": indexed} if indexed else {})},
        other_arguments=others,
    )


def _load(path: Path, where: str, root: Path) -> dict[str, Any]:
    try:
        text = read_source(path, root, path.name).decode()
        if line := conflicts.first_line(text):
            raise InputError.of(f"{path.name} {conflicts.MARKS} in line {line}", where=where)
        return load_toml(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = without_secrets(str(error))
        raise InputError.of(f"{path.name} is not valid TOML: {reason}", where=where) from None
    except InputError as error:
        problem = error.problems[0]
        message = problem.message if path.name in problem.message else f"{path.name} {problem.message}"
        raise InputError.of(message, where=where, hint=problem.hint) from None


def _get(table: Mapping[str, Any], key: str, kind: type[Any], default: Any) -> Any:
    """Return a value of a table. Raises ValueError where it is of another kind."""
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise ValueError(f"`{key}` is not {_KINDS[kind]} in pyproject.toml or uv.lock")
    return value


def _get_each(table: Mapping[str, Any], key: str, kind: type[Any]) -> list[Any]:
    """Return the values of a list. Raises ValueError where one is of another kind."""
    several: list[Any] = _get(table, key, list, [])
    if len(several) > _MOST or not all(isinstance(each, kind) for each in several):
        raise ValueError(f"`{key}` is not a list of {_KINDS[kind].removeprefix('a ')}s, or has more than {_MOST}")
    return several


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
    """Raise `InputError` unless a uv.lock was made from what the project asks for, ValueError for wrong kinds."""
    from packaging.utils import canonicalize_name

    table = _get(project, "project", dict, {})
    asked = [*_get_each(table, "dependencies", str)]
    optional = _get(table, "optional-dependencies", dict, {})
    for extra in optional:
        asked += _get_each(optional, extra, str)
    name = canonicalize_name(_get(table, "name", str, ""))
    packages = _get_each(lock, "package", dict)
    own: Mapping[str, Any] = next((each for each in packages if each.get("name") == name), {})
    locked = _get_each(_get(own, "metadata", dict, {}), "requires-dist", dict)
    try:
        wanted = sorted(_comparable(each.name, each.extras, str(each.specifier)) for each in map(requirement, asked))
    except ValueError as error:
        raise InputError.of(f"pyproject.toml has a dependency that is no requirement: {error}", where=where) from None
    stated = sorted(
        _comparable(_get(each, "name", str, ""), _get_each(each, "extras", str), _get(each, "specifier", str, ""))
        for each in locked
    )
    if wanted != stated:
        differing = sorted({each[0] for each in {*wanted} ^ {*stated}})
        raise InputError.of(
            f"uv.lock does not answer pyproject.toml any more: {', '.join(differing)}",
            where=where,
            hint="run `uv lock`",
        )


def _comparable(name: str, extras: Iterable[str], specifier: str) -> tuple[str, tuple[str, ...], str]:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name), tuple(sorted(extras)), normalized_specifier(specifier)
