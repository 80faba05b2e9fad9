"""Knows the project that uv resolves in a script's place: PEP 723 blocks cannot say which platforms count."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from onedigest.errors import InputError, Problem
from onedigest.lock.model import Package
from onedigest.lock.toml_text import inline_table, lines, string, value
from onedigest.platforms import Platform
from onedigest.spec import Spec

NAME = "onedigest-script"

_REPLACED = frozenset({"package", "no-build", "environments", "required-environments", "constraint-dependencies"})
_REFUSED = {
    "no-binary": "wheels are all that is installed",
    "no-binary-package": "wheels are all that is installed",
}
CPYTHON = "implementation_name == 'cpython' and platform_python_implementation == 'CPython'"
"""Both, for uv does not know that one follows from the other, and would look for wheels of PyPy too."""

_NO_REGISTRY = "https://index.invalid/simple"


def project_text(spec: Spec, python_minor: str, folder: Path, pins: Iterable[Package] = ()) -> str:
    """Return a pyproject.toml whose lock is that of the script for its platforms alone.

    `folder` is the script's, for its relative sources. `pins` are packages that may not have another version.
    """
    own: dict[str, Any] = json.loads(spec.uv)
    if wrong := sorted(_REFUSED.keys() & own.keys()):
        raise InputError.of(f"`{wrong[0]}` in [tool.uv] cannot be followed: {_REFUSED[wrong[0]]}", where=spec.script)
    own = _absolute(own, folder)
    constraints = [*own.get("constraint-dependencies", []), *map(_pin, pins)]
    minor = int(python_minor.split(".")[1])
    python = f"python_full_version >= '3.{minor}' and python_full_version < '3.{minor + 1}'"
    where = [f"sys_platform == 'linux' and platform_machine == '{platform.machine}'" for platform in spec.platforms]
    rest = [f"{name} = {value(item)}\n" for name, item in sorted(own.items()) if name not in _REPLACED]
    return (
        "[project]\n"
        f"name = {string(NAME)}\n"
        'version = "0"\n'
        # uv wants its own interpreter to satisfy this; the Python of the image is in `environments`
        'requires-python = ">=3.11"\n'
        f"dependencies = {lines(list(map(string, spec.dependencies)))}\n"
        "\n[tool.uv]\n"
        "package = false\n"
        "no-build = true\n"
        f"environments = {lines([string(f'{python} and {CPYTHON} and {each}') for each in where])}\n"
        f"required-environments = {lines([string(each) for each in where])}\n"
        f"constraint-dependencies = {lines(list(map(string, constraints)))}\n" + "".join(rest)
    )


def preferences_text(packages: Iterable[Package]) -> str:
    """Return a uv.lock that holds nothing but versions, which uv prefers as long as they fit."""
    head = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
    source = inline_table({"registry": string(_NO_REGISTRY)})
    return head + "".join(
        f"\n[[package]]\nname = {string(package.name)}\nversion = {string(package.version)}\nsource = {source}\n"
        for package in packages
    )


def source_problems(spec: Spec) -> list[Problem]:
    """Return what is wrong with where packages are to come from, before anything is fetched from there."""
    problems = []
    for text in spec.dependencies:
        _, at, location = text.partition(" @ ")
        if at and (kind := _kind_of_location(location.partition(" ;")[0])):
            problems.append(_not_a_wheel(text.partition(" @ ")[0], kind, spec.script))
    sources = json.loads(spec.uv).get("sources", {})
    for name, source in sorted(sources.items()) if isinstance(sources, dict) else ():
        several = source if isinstance(source, list) else [source]
        kinds = [_kind_of_source(each) for each in several if isinstance(each, dict)]
        problems += [_not_a_wheel(name, kind, spec.script) for kind in kinds if kind]
    return problems


def _kind_of_source(source: dict[str, Any]) -> str:
    if "git" in source:
        return "a git repository"
    if "workspace" in source or source.get("editable"):
        return "a local project"
    return _kind_of_location(str(source.get("url") or source.get("path") or ".whl"))


def _kind_of_location(location: str) -> str:
    if location.startswith("git+"):
        return "a git repository"
    if location.partition("#")[0].partition("?")[0].strip().endswith(".whl"):
        return ""
    return "an archive of its source" if "://" in location and not location.startswith("file:") else "a local folder"


def _not_a_wheel(name: str, kind: str, where: str) -> Problem:
    hint = "build a wheel of it, and publish it to an index or name the wheel"
    return Problem(f"`{name}` comes from {kind}, which is not a wheel", where, hint)


def marker(platforms: Iterable[Platform]) -> str:
    """Return the marker of a package that only some platforms need."""
    return " or ".join(f"platform_machine == '{platform.machine}'" for platform in platforms)


def _pin(package: Package) -> str:
    pin = f"{package.name}=={package.version}"
    return pin if len(package.platforms) > 1 else f"{pin} ; {marker(package.platforms)}"


def _absolute(own: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the script's table with paths that hold for a project elsewhere."""
    changed = dict(own)
    if isinstance(sources := own.get("sources"), dict):
        changed["sources"] = {name: _absolute_source(source, folder) for name, source in sources.items()}
    for key in ("index-url", "find-links", "extra-index-url"):
        if key in own:
            changed[key] = _absolute_location(own[key], folder)
    if isinstance(indexes := own.get("index"), list):
        changed["index"] = [{**each, "url": _absolute_location(each.get("url", ""), folder)} for each in indexes]
    return changed


def _absolute_source(source: Any, folder: Path) -> Any:
    if isinstance(source, list):
        return [_absolute_source(each, folder) for each in source]
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        return {**source, "path": str(folder / source["path"])}
    return source


def _absolute_location(location: Any, folder: Path) -> Any:
    if isinstance(location, list):
        return [_absolute_location(each, folder) for each in location]
    return location if "://" in str(location) else str(folder / str(location))
