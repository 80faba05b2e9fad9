"""Knows how a spec becomes a lock: uv chooses versions, the base decides wheels, and every input is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.inputs import uv
from onedigest.inputs.sources import Sources
from onedigest.lock import shadow
from onedigest.lock.base import SUITES, choose_suite, resolve_base
from onedigest.lock.model import Base, Lock
from onedigest.lock.selection import select
from onedigest.lock.targets import Target
from onedigest.spec import Spec, dumps


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Which pins may move: all of them, or those of some packages."""

    everything: bool = False
    packages: frozenset[str] = frozenset()


def resolve(
    spec: Spec, previous: Lock | None, assembler: Digest, sources: Sources, *, folder: Path, upgrade: Upgrade
) -> Lock:
    """Choose everything that an image is made of.

    `folder` is the script's. What `previous` pins stays as long as it fits, unless `upgrade` lets it move. Raises
    `InputError` for what cannot be built, and `NetworkError`.
    """
    suite = choose_suite(spec)
    minor = ".".join(SUITES[suite].split(".")[:2])
    kept = _kept(previous, upgrade)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_base, spec, suite, previous, sources, upgrade)
        project = shadow.project_text(spec, minor, folder)
        found = uv.lock(project, kept, environment=sources.environment, offline=sources.offline)
        base = waiting.result()
    targets = [Target(platform, base.python, base.libc_version) for platform in spec.platforms]
    packages, roots = select(found, targets, base.reference)
    return Lock(
        spec=spec.digest(),
        asked=dumps(spec).decode(),
        script=spec.script,
        assembler=assembler,
        platforms=spec.platforms,
        base=base,
        packages=packages,
        roots=roots,
    )


def locate(spec: Spec, lock: Lock, sources: Sources, *, folder: Path) -> dict[str, tuple[str, str]]:
    """Ask uv where the wheels of a lock are now; return address and digest of each by file name."""
    project = shadow.project_text(spec, lock.base.python_minor, folder, lock.packages)
    known = shadow.preferences_text(lock.packages)
    found = uv.lock(project, known, environment=sources.environment, offline=sources.offline)
    return {
        name: (address, wheel["hash"])
        for package in found.get("package", ())
        for wheel in package.get("wheels", ())
        for name, address in [_place(package, wheel, folder)]
    }


def _place(package: Mapping[str, Any], wheel: Mapping[str, Any], folder: Path) -> tuple[str, str]:
    """Return file name and address of a wheel in uv.lock; an address without a scheme is a path."""
    registry = package["source"].get("registry", "")
    if "url" in wheel:
        return wheel["url"].partition("#")[0].rpartition("/")[2].replace("%2B", "+"), wheel["url"]
    path = wheel.get("path") or wheel.get("filename", "")
    return path.rpartition("/")[2], str(folder / registry / path)


def _base(spec: Spec, suite: str, previous: Lock | None, sources: Sources, upgrade: Upgrade) -> Base:
    if previous and not upgrade.everything and _answers(previous, spec, suite):
        return previous.base
    return resolve_base(spec, suite, sources)


def _answers(previous: Lock, spec: Spec, suite: str) -> bool:
    """Tell whether an earlier base is still what a spec asks for."""
    wanted = set(spec.system_packages)
    named = {package.name for package in (*previous.base.packages, *previous.base.system_packages)}
    unused = {package.name for package in previous.base.system_packages} and not wanted
    return (
        previous.base.suite == suite
        and set(spec.platforms) == set(previous.platforms)
        and wanted <= named
        and not unused
    )


def _kept(previous: Lock | None, upgrade: Upgrade) -> str:
    if previous is None or upgrade.everything:
        return ""
    names = {package.name for package in previous.packages}
    if missing := sorted(upgrade.packages - names):
        raise InputError.of(f"`--upgrade-package {missing[0]}`: the lock has no such package")
    return shadow.preferences_text(each for each in previous.packages if each.name not in upgrade.packages)
