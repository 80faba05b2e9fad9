"""The packages and wheels of a resolution that each platform needs, and what must be refused about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.version import Version

from onedigest.errors import InputError, Problem, listed
from onedigest.from_source.unlisted_sources import build_line
from onedigest.lock import asked_project
from onedigest.lock.graph import reachable
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.lock.targets import Target
from onedigest.lock.uv_lock_values import read_wheel
from onedigest.platforms import Platform

Row = Mapping[str, Any]
"""A package of uv.lock."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlatformNeeds:
    """What one platform needs: its packages with their edges, and the packages that the script asks for."""

    edges: Mapping[Key, tuple[Key, ...]]
    roots: tuple[Key, ...]


def select(
    resolution: Mapping[str, Any],
    targets: Sequence[Target],
    base: str,
    pinned_wheels: frozenset[str] = frozenset(),
    yanked: frozenset[str] = frozenset(),
) -> tuple[tuple[LockedPackage, ...], tuple[Key, ...]]:
    """Return packages and roots for the targets; a wheel of `kept` counts before better ones, one of `yanked` last.

    Raises `InputError` with every package that cannot be installed.
    """
    rows = {(row["name"], row.get("version", "")): row for row in resolution.get("package", ())}
    needed = {target.platform: walk(rows, target) for target in targets}
    problems: list[Problem] = []
    found = []
    for key in sorted({key for each in needed.values() for key in each.edges}):
        users = [target for target in targets if key in needed[target.platform].edges]
        wheels, refused = _wheels(rows[key], users, base, pinned_wheels, yanked)
        problems += refused
        edges = {edge for target in users for edge in needed[target.platform].edges[key]}
        found.append(LockedPackage(name=key[0], version=key[1], wheels=tuple(wheels), dependencies=tuple(edges)))
    if problems:
        raise InputError(problems)
    roots = {root for each in needed.values() for root in each.roots}
    return tuple(found), tuple(sorted(roots))


def walk(rows: Mapping[Key, Row], target: Target) -> PlatformNeeds:
    """Follow the edges whose markers hold on a target. A node is a package, or a package with one of its extras."""
    environment = target.marker_values
    root = next(key for key in rows if key[0] == asked_project.NAME)
    edges: dict[str, list[str]] = {}
    keys: dict[str, Key] = {}
    versions: dict[str, list[Key]] = {}
    for key in rows:
        versions.setdefault(key[0], []).append(key)
    for key, row in rows.items():
        extras = {"": row.get("dependencies", ()), **row.get("optional-dependencies", {})}
        for extra, dependencies in extras.items():
            node = _node(key, extra)
            keys[node] = key
            edges[node] = [_node(key, "")] if extra else []
            edges[node] += [
                each
                for dependency in dependencies
                if _holds(dependency.get("marker"), environment)
                for each in _targets(versions, dependency)
            ]
    found = [node for node in reachable(edges, _node(root, "")) if node in keys]
    joined: dict[Key, set[Key]] = {}
    for node in found:
        joined.setdefault(keys[node], set()).update(keys[each] for each in edges[node] if each in keys)
    roots = joined.pop(root)
    return PlatformNeeds(
        {key: tuple(sorted(targets - {key, root})) for key, targets in joined.items()}, tuple(sorted(roots - {root}))
    )


def _node(key: Key, extra: str) -> str:
    return f"{key[0]}=={key[1]}[{extra}]"


def _targets(versions: Mapping[str, Sequence[Key]], dependency: Row) -> Iterator[str]:
    """Yield the nodes that a dependency of uv.lock names. It gives a version only where there are several."""
    version = dependency.get("version")
    for key in versions.get(dependency["name"], ()):
        if version in (None, key[1]):
            yield _node(key, "")
            for extra in dependency.get("extra", ()):
                yield _node(key, extra)


def _holds(marker: str | None, environment: Mapping[str, str]) -> bool:
    return marker is None or Marker(marker).evaluate(dict(environment))


def _wheels(
    row: Row, users: Sequence[Target], base: str, pinned_wheels: frozenset[str], yanked: frozenset[str]
) -> tuple[list[tuple[Platform, Wheel]], list[Problem]]:
    label = f"{row['name']} {row.get('version', '')}".strip()
    wheels = {wheel.name: wheel for wheel in map(read_wheel, row.get("wheels", ())) if wheel}
    if not wheels:
        return [], [Problem(f"`{label}` has no wheels, only a source distribution", hint=build_line([row["name"]]))]
    selected = []
    problems: list[Problem] = []
    lacking: list[tuple[Target, str]] = []
    for target in users:
        name = (
            target.select(pinned_wheels & wheels.keys())
            or target.select(wheels.keys() - yanked)
            or target.select(wheels)
        )
        if name is not None:
            selected.append((target.platform, wheels[name]))
        elif newer := target.select_newer(wheels):
            message = f"`{label}` has no wheel for glibc {target.glibc} on {target.platform}: {newer} needs a newer one"
            problems.append(
                Problem(message, hint=f"the base is {base}; use a newer one, or an older version of the package")
            )
        else:
            message = f"`{label}` has no wheel for Python {target.python} on {target.platform}"
            lacking.append((target, message))
    selected = _agreed(selected, users)
    served = [platform for platform, _ in selected]
    problems += [Problem(message, hint=_hint(target, served, wheels)) for target, message in lacking]
    return selected, problems


def _agreed(selected: Sequence[tuple[Platform, Wheel]], users: Sequence[Target]) -> list[tuple[Platform, Wheel]]:
    """Give each platform the best of all that were selected, since a lock lists wheels and says no more of whose."""
    wheels = {wheel.name: wheel for _, wheel in selected}
    targets = {target.platform: target for target in users}
    return [(platform, wheels[targets[platform].select(wheels) or wheel.name]) for platform, wheel in selected]


def _hint(target: Target, served: Sequence[Platform], wheels: Iterable[str]) -> str:
    """Return what helps where a platform has no wheel: the line to write, or the Pythons that there are wheels for."""
    if served:
        return f"{platforms_line(served)}, or choose a version that has wheels for all platforms"
    pythons = sorted({python for name in wheels for python in target.pythons_of(name)}, key=Version)
    if not pythons:
        return _NO_WHEEL
    of_bases = [each for each in pythons if Version(each) >= _OLDEST]
    line = f'write `requires-python = "=={of_bases[-1]}.*"`, or ' if of_bases else ""
    return f"it has wheels for Python {listed(pythons)}: {line}choose another version of the package"


def platforms_line(platforms: Iterable[Platform]) -> str:
    """Say what to write so that an image is for some platforms alone."""
    named = ", ".join(f'"{platform}"' for platform in platforms)
    return f"write `platforms = [{named}]` in [tool.onedigest]"


_NO_WHEEL = "choose a version that has wheels for all platforms, or leave a platform out of `platforms`"
_OLDEST = Version("3.11")
"""The oldest Python that a base may have."""
