"""The project that uv resolves in a script's place, since PEP 723 blocks cannot say which platforms count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.definition.spec import Spec
from onedigest.from_source.model import Source
from onedigest.lock import uv_keys
from onedigest.lock.empty_index import names_of
from onedigest.lock.model import LockedPackage
from onedigest.lock.package_sources import PackageSources, ScriptSurroundings
from onedigest.lock.repository import find_root
from onedigest.lock.toml import inline_table, lines, string, value
from onedigest.platforms import Platform, marker_of

NAME = "onedigest-script"

CPYTHON = "implementation_name == 'cpython' and platform_python_implementation == 'CPython'"
"""Both, for uv does not know that one follows from the other, and would look for wheels of PyPy too."""

_NO_REGISTRY = "https://index.invalid/simple"


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedPackages:
    """What uv is asked for: requirements, and settings that choose packages. Places on this machine are absolute.

    `files` are the wheels on this machine that a script names, and those that were built. `sources` are what it names
    and wheels are built of, each with its marker. `build` are the packages whose source distributions may be built.
    `added` are the names of requirements that the script does not have itself.
    """

    dependencies: tuple[str, ...]
    settings: Mapping[str, Any]
    files: frozenset[str]
    sources: tuple[tuple[Source, str], ...] = ()
    build: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


def read_surroundings(spec: Spec, folder: Path, wheels: Mapping[Source, Path] | None = None) -> ScriptSurroundings:
    """Return what the places of a script are read against; `folder` is the script's."""
    folder = folder.absolute()
    return ScriptSurroundings(
        script=spec.script,
        folder=folder,
        root=find_root(folder),
        build=frozenset(spec.build),
        settings=uv_keys.of_builds(json.loads(spec.uv)),
        wheels=wheels or {},
    )


def read_requested(spec: Spec, surroundings: ScriptSurroundings) -> RequestedPackages:
    """Return what a script wants of uv, before anything is fetched.

    Raises `InputError` with all that cannot be followed, such as what is not to be built.
    """
    taken, _ = uv_keys.take(json.loads(spec.uv), lambda _: spec.script, spec.build)
    places = PackageSources(surroundings)
    dependencies = tuple(map(places.requirement, spec.dependencies))
    others = [*taken.get("override-dependencies", ()), *taken.get("constraint-dependencies", ())]
    settings = places.of_settings(
        taken, names_of((*spec.dependencies, *(each for each in others if isinstance(each, str))))
    )
    places.refuse()
    return RequestedPackages(
        dependencies=dependencies,
        settings=settings,
        files=frozenset(places.files),
        sources=tuple((source, marker) for source, several in places.sources.items() for marker in several),
        build=frozenset(spec.build) - {source.name for source in places.sources} - _placed(dependencies, settings),
    )


def _placed(dependencies: Iterable[str], settings: Mapping[str, Any]) -> set[str]:
    """Return the names of packages whose wheel is named: nothing of an index is built in its place."""
    named = [text.partition(" @ ")[0].partition("[")[0] for text in dependencies if " @ " in text]
    for name, several in settings.get("sources", {}).items():
        if any("path" in row or "url" in row for row in (several if isinstance(several, list) else [several])):
            named.append(name)
    return set(map(canonicalize_name, named))


def project_text(
    spec: Spec, requested: RequestedPackages, python_minor: str, pins: Iterable[LockedPackage] = ()
) -> str:
    """Return a pyproject.toml whose lock is that of the script for its platforms alone.

    `pins` are packages that may not have another version.
    """
    settings = dict(requested.settings)
    constraints = [*settings.pop("constraint-dependencies", []), *map(pin, pins)]
    required = lines([string(_machine(platform)) for platform in spec.platforms])
    strict = f"no-build = true\nrequired-environments = {required}\n"
    if requested.build:
        # what uv may choose without a wheel says itself what it needs, so that none is ever built by uv
        strict += f"no-binary-package = {lines([string(name) for name in sorted(requested.build)])}\n"
        settings["dependency-metadata"] = _with_all(settings.get("dependency-metadata", []), requested.build)
    return _text(spec, requested.dependencies, python_minor, constraints, settings, strict)


def comparison_text(spec: Spec, requested: RequestedPackages, python_minor: str, names: Iterable[str]) -> str:
    """Return a pyproject.toml whose lock has the newest version of each package that a script allows, built or not.

    Every package says itself what it depends on, which is nothing: so none is looked into.
    """
    from packaging.requirements import Requirement

    left, asked = sorted(set(names)), []
    for text in requested.dependencies:
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) in left:
            requirement.extras = set()
            asked.append(str(requirement))
    settings = {**requested.settings, "dependency-metadata": [{"name": name} for name in left]}
    constraints = settings.pop("constraint-dependencies", [])
    return _text(spec, [*asked, *left], python_minor, constraints, settings)


def preferences_text(
    spec: Spec,
    python_minor: str,
    packages: Iterable[LockedPackage],
    forks: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> str:
    """Return a uv.lock that holds nothing but versions, which uv prefers as long as they fit.

    It has the environments of the project too: where `exclude-newer` is set, uv takes them from there, and else would
    look for versions that suit other ones.

    `forks` are markers of the environments that versions are for, where they are not for all.
    """
    environments = lines(list(map(string, _environments(spec, python_minor))))
    head = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
    head += f"resolution-markers = {environments}\nsupported-markers = {environments}\n"
    source = inline_table({"registry": string(_NO_REGISTRY)})
    return head + "".join(
        f"\n[[package]]\nname = {string(package.name)}\nversion = {string(package.version)}\nsource = {source}\n"
        + (f"resolution-markers = {lines(list(map(string, markers)))}\n" if markers else "")
        for package in packages
        for markers in [(forks or {}).get(package.key, ())]
    )


def _text(
    spec: Spec,
    dependencies: Iterable[str],
    python_minor: str,
    constraints: Iterable[str],
    settings: Mapping[str, Any],
    more: str = "",
) -> str:
    """Return the pyproject.toml of a project for the platforms and the Python of a spec."""
    return (
        "[project]\n"
        f"name = {string(NAME)}\n"
        'version = "0"\n'
        # uv wants its own interpreter to satisfy this; the Python of the image is in `environments`
        'requires-python = ">=3.11"\n'
        f"dependencies = {lines(list(map(string, dependencies)))}\n"
        "\n[tool.uv]\n"
        "package = false\n"
        # its own root, or uv looks for one in every folder above
        "workspace = {}\n"
        f"environments = {lines(list(map(string, _environments(spec, python_minor))))}\n"
        f"{more}"
        f"constraint-dependencies = {lines(list(map(string, constraints)))}\n"
        + "".join(f"{name} = {value(item)}\n" for name, item in sorted(settings.items()))
    )


def _environments(spec: Spec, python_minor: str) -> list[str]:
    """Return the markers of the platforms and the Python of a spec."""
    minor = int(python_minor.split(".")[1])
    python = f"python_full_version >= '3.{minor}' and python_full_version < '3.{minor + 1}'"
    return [f"{python} and {CPYTHON} and {_machine(platform)}" for platform in spec.platforms]


def _with_all(metadata: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return metadata that has a row for every version of some packages."""
    rows = list(metadata)
    known = {canonicalize_name(row["name"]) for row in rows if "version" not in row}
    return [*rows, *({"name": name} for name in sorted(set(names) - known))]


def _machine(platform: Platform) -> str:
    return f"sys_platform == 'linux' and platform_machine == '{platform.machine}'"


def pin(package: LockedPackage) -> str:
    """Return the requirement of exactly one version, on the platforms that have it."""
    text = f"{package.name}=={package.version}"
    return text if len(package.platforms) > 1 else f"{text} ; {marker_of(package.platforms)}"
