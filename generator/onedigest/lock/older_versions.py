"""The packages that were chosen in an older version only because newer ones have no wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from onedigest.definition.spec import Spec
from onedigest.errors import OnedigestError, Problem
from onedigest.from_source.unlisted_sources import build_line
from onedigest.lock.asked_project import NAME, RequestedPackages, comparison_text
from onedigest.lock.model import LockedPackage
from onedigest.lock.targets import Target
from onedigest.lock.uv_lock_values import check_rows
from onedigest.platforms import Platform
from onedigest.sources import Sources
from onedigest.tools import uv
from onedigest.tools.uv_rows import wheel_name

Required = Callable[[LockedPackage], Sequence[str] | None]
"""Returns what a package of a lock requires, None where that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedRequest:
    """What uv was asked for, with the Python as 3.N, and where it looked."""

    spec: Spec
    requested: RequestedPackages
    minor: str
    sources: Sources


@dataclass(frozen=True, kw_only=True, slots=True)
class OlderVersion:
    """A package in the version that was chosen, and the newest one that fits but for its wheels."""

    name: str
    version: str
    newest: str
    lacking: tuple[Platform, ...]
    platforms: tuple[Platform, ...]
    built: tuple[str, ...] = ()
    """What the script wants built."""

    def problem(self, where: str) -> Problem:
        """Return what is to be said of it."""
        named = " and ".join(map(str, self.lacking))
        message = f"`{self.name}` {self.version} is chosen, and not {self.newest}, which has no wheel for {named}"
        left = [platform for platform in self.platforms if platform not in self.lacking]
        if left:
            line = ", ".join(f'"{platform}"' for platform in left)
            return Problem(message, where, f"with `platforms = [{line}]` in [tool.onedigest] that one is chosen")
        hint = f"where it is pure Python, {build_line([self.name], self.built)}: then it is built here"
        return Problem(message, where, hint)


def older_versions(
    found: Mapping[str, Any],
    packages: Iterable[LockedPackage],
    pins: Iterable[LockedPackage],
    targets: Sequence[Target],
    required: Required,
    asked: ResolvedRequest,
    newest: Mapping[str, Mapping[str, Any]],
) -> list[OlderVersion]:
    """Return the packages that a resolution has in an older version than there is; what a lock pinned stays.

    `newest` are their rows in the newest version, by name.
    """
    pinned = {package.key for package in pins}
    chosen: dict[str, list[LockedPackage]] = {}
    for package in packages:
        chosen.setdefault(package.name, []).append(package)
    of_indexes = {(row["name"], row.get("version", "")) for row in found["package"] if "registry" in row["source"]}
    older = []
    for name, row in sorted(newest.items()):
        wheels = [wheel_name(wheel) for wheel in row.get("wheels", ())]
        fitting = {each.platform for each in targets if each.select_newer(wheels) is not None}
        for package in chosen.get(name, []):
            if (
                package.key in pinned
                or package.key not in of_indexes
                or Version(row["version"]) <= Version(package.version)
            ):
                continue
            lacking = tuple(platform for platform in package.platforms if platform not in fitting)
            if lacking and _is_allowed(name, row["version"], chosen, required):
                older.append(
                    OlderVersion(
                        name=name,
                        version=package.version,
                        newest=row["version"],
                        lacking=lacking,
                        platforms=asked.spec.platforms,
                        built=asked.spec.build,
                    )
                )
    return older


def newest_rows(
    found: Mapping[str, Any], packages: Iterable[LockedPackage], asked: ResolvedRequest
) -> dict[str, Mapping[str, Any]]:
    """Return the newest row of each package that comes from an index, none where uv cannot compare."""
    spec, sources = asked.spec, asked.sources
    of_indexes = {row["name"] for row in found["package"] if "registry" in row["source"]}
    names = of_indexes & {package.name for package in packages} - {NAME}
    if not names or str(asked.requested.settings.get("resolution", "highest")) != "highest":
        return {}
    project = comparison_text(spec, asked.requested, asked.minor, names)
    try:
        compared = uv.compare(project, store=sources.store, where=spec.script, environment=sources.environment)
        check_rows(compared, asked.requested.files, spec.script)
    except OnedigestError:
        return {}  # a lock is none the worse for it
    newest: dict[str, Mapping[str, Any]] = {}
    for row in compared.get("package", ()):
        known = newest.get(row["name"])
        if row["name"] != NAME and (known is None or Version(known["version"]) < Version(row["version"])):
            newest[row["name"]] = row
    return newest


def _is_allowed(name: str, version: str, chosen: Mapping[str, Sequence[LockedPackage]], required: Required) -> bool:
    """Tell whether all that needs a package would take a version of it; what is not known to, would not."""
    for package in (each for several in chosen.values() for each in several):
        if not any(dependency[0] == name for dependency in package.dependencies):
            continue
        stated = required(package)
        if stated is None:
            return False
        for text in stated:
            try:
                requirement = Requirement(text)
            except (InvalidRequirement, RecursionError):
                continue
            if canonicalize_name(requirement.name) == name and not requirement.specifier.contains(version):
                return False
    return True
