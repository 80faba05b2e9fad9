"""The check that a lock still fits a spec: its base, Python, suite and packages are what the script asks for.

A lock states the digest of the spec that it answers. Whoever writes a lock by hand can state that too, so the rest of
what it says is held against the script where something is to be proven.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from onedigest.definition.spec import Spec, dumps, fields
from onedigest.errors import InputError, Problem, generating
from onedigest.from_source.model import Kind
from onedigest.lock.model import Lock
from onedigest.lock.toml import value
from onedigest.platforms import Platform

if TYPE_CHECKING:
    from packaging.requirements import Requirement


_MOST_NAMED = 20


def refuse_other_answer(spec: Spec, lock: Lock, where: str) -> None:
    """Raise `InputError` with all that a lock, which states the digest of a spec, has otherwise than it asks for."""
    hint = f"run `{generating(spec.script)}`"
    problems = [
        Problem(f"the lock does not fit {spec.script}: {message}", where, hint) for message in _others(spec, lock)
    ]
    if problems:
        raise InputError(problems)


def moved_keys(spec: Spec, lock: Lock) -> list[str]:
    """Return the keys whose values differ between what a lock answers and what is asked for, sorted."""
    old, new = json.loads(lock.asked), fields(spec)
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def moved_settings(spec: Spec, lock: Lock) -> list[str]:
    """Return two lines for each key whose value differs, that of the lock first."""
    old, new = json.loads(lock.asked), fields(spec)
    lines = []
    for name in moved_keys(spec, lock):
        before, after = (value(each[name]) if name in each else "(default)" for each in (old, new))
        lines += [f"- {name} = {before}", f"+ {name} = {after}"]
    return lines


def _others(spec: Spec, lock: Lock) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet

    if lock.asked != dumps(spec).decode():
        yield "the table [tool.onedigest.spec] is not what the script asks for"
    if lock.script != spec.script:
        yield f"it is a lock of {lock.script}"
    if lock.platforms != spec.platforms:
        yield f"it is for {_listed(lock.platforms)}, not {_listed(spec.platforms)}"
    if not SpecifierSet(spec.requires_python).contains(lock.base.python, prereleases=True):
        yield f"its Python {lock.base.python} does not satisfy `requires-python = {spec.requires_python!r}`"
    yield from lock.base.others(spec)
    yield from _other_roots(spec, lock)
    yield from _other_sources(spec, lock)
    yield from _other_releases(spec, lock)
    if (lock.base.system_packages or lock.base.essential_packages) and not spec.system_packages:
        yield "it has Debian packages above the base, and no `system-packages` is asked for"
    yield from (f"it has `{name} {version}`, which nothing requires" for name, version in _unneeded(lock)[:_MOST_NAMED])


def _other_releases(spec: Spec, lock: Lock) -> Iterator[str]:
    """Yield what archives it is of otherwise than is asked for."""
    security = f"{lock.base.suite}-security"
    if lock.base.releases and spec.security and not lock.base.has_security:
        yield f"it states no release of {security}, and `security` is not false"
    if lock.base.has_security and not spec.security:
        yield f"it states a release of {security}, and `security` is false"
    if lock.base.releases and spec.system_packages and not lock.base.origin and not lock.base.essential_packages:
        yield "it has no Debian packages that its `system-packages` take for granted"


def _other_roots(spec: Spec, lock: Lock) -> Iterator[str]:
    """Yield what is asked for and not there, and the other way round; overrides may move versions."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    asked: dict[str, list[Requirement]] = {}
    for text in spec.dependencies:
        requirement = Requirement(text)
        asked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    roots = {name for name, _ in lock.roots}
    pinned = {name for taken in spec.uv_projects for name in taken.roots}
    for name in sorted(roots - asked.keys() - pinned):
        yield f"it has `{name}` as a requirement, which the script does not name"
    for name, several in asked.items():
        if name not in roots and any(each.marker is None for each in several):
            yield f"it has no `{name}`"
    overridden = _overridden(spec)
    for name, version in lock.roots:
        fitting = [each for each in asked.get(name, ()) if each.specifier.contains(version, prereleases=True)]
        if name in asked and not fitting and name not in overridden:
            yield f"its {name} {version} does not satisfy `{asked[name][0]}`"


def _other_sources(spec: Spec, lock: Lock) -> Iterator[str]:
    """Yield what was built though nobody asks for it, and what is from elsewhere though it is to be built."""
    built = _built(spec)
    for package in lock.packages:
        origin = package.origin
        if origin and origin.kind is not Kind.DIRECTORY and package.name not in spec.build and not spec.is_pinned:
            yield f"its `{package.name}` is built of {origin.path}, and `build` does not name it"
        elif origin is None and package.name in built:
            yield f"its `{package.name}` is not built of the source that the script names"


def _built(spec: Spec) -> set[str]:
    """Return the projects whose every source in [tool.uv] is one that a wheel is built of, whoever needs it."""
    from packaging.utils import canonicalize_name

    own = json.loads(spec.uv)
    sources = own.get("sources", {})
    found = set()
    for name, source in sources.items() if isinstance(sources, dict) and not own.get("no-sources") else ():
        rows = source if isinstance(source, list) else [source]
        if all(isinstance(row, dict) and _is_source(row) for row in rows):
            found.add(str(canonicalize_name(name)))
    return found


def _is_source(row: Mapping[str, Any]) -> bool:
    if row.keys() & {"extra", "group", "marker"}:
        return False
    return bool(row.get("workspace") or "git" in row or not str(row.get("path", ".whl")).endswith(".whl"))


def _unneeded(lock: Lock) -> list[tuple[str, str]]:
    """Return the packages that no requirement leads to."""
    edges = {package.key: package.dependencies for package in lock.packages}
    left, waiting = set(edges), list(lock.roots)
    while waiting:
        key = waiting.pop()
        if key in left:
            left.remove(key)
            waiting += edges[key]
    return sorted(left)


def _overridden(spec: Spec) -> set[str]:
    """Return the projects whose versions `[tool.uv]` chooses against what the script asks for.

    Of a source that is one version uv does not heed what is asked for, either.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    own = json.loads(spec.uv)
    overrides, sources = own.get("override-dependencies", []), own.get("sources", {})
    found: set[str] = set()
    for name, source in sources.items() if isinstance(sources, dict) else ():
        rows = [row for row in (source if isinstance(source, list) else [source]) if isinstance(row, dict)]
        if any(key in row for row in rows for key in ("git", "path", "url", "workspace")):
            found.add(canonicalize_name(name))
    for text in overrides if isinstance(overrides, list) else ():
        try:
            found.add(canonicalize_name(Requirement(str(text)).name))
        except InvalidRequirement:
            continue
    return found


def _listed(names: tuple[Platform, ...]) -> str:
    return ", ".join(map(str, names))
