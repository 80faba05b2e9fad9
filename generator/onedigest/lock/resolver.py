"""Knows how a spec becomes a lock: uv chooses versions, the base decides wheels, and every input is pinned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.inputs import uv
from onedigest.inputs.sources import Sources
from onedigest.lock import shadow
from onedigest.lock.base import SUITES, choose_suite, resolve_base
from onedigest.lock.model import Base, Lock, Package, Wheel
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
    if problems := shadow.source_problems(spec):
        raise InputError(problems)
    minor = ".".join(SUITES[suite].split(".")[:2])
    pins = _pins(previous, upgrade)
    known = shadow.preferences_text(pins) if pins else ""
    # a wheel stays selected as long as its version does, even when a better one came since
    kept = frozenset(wheel.name for package in pins for _, wheel in package.wheels)
    project = shadow.project_text(spec, minor, folder)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(_base, spec, suite, previous, sources, upgrade)
        asked = pool.submit(
            uv.lock, project, known, where=spec.script, environment=sources.environment, offline=sources.offline
        )
        from onedigest.lock.selection import select  # takes a moment, while uv works

        found, base = asked.result(), waiting.result()
    targets = [Target(platform, base.python, base.libc_version) for platform in spec.platforms]
    packages, roots = select(found, targets, base.reference, kept)
    packages = _completed(packages, _places(found), sources)
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
    return _places(uv.lock(project, known, where=spec.script, environment=sources.environment, offline=sources.offline))


def _places(found: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return address and digest of each wheel of a uv.lock; an address without a scheme is a path."""
    from onedigest.lock.selection import wheel_name

    return {
        wheel_name(wheel): (_address(package["source"], wheel), wheel.get("hash", ""))
        for package in found.get("package", ())
        for wheel in package.get("wheels", ())
    }


def _address(source: Mapping[str, str], wheel: Mapping[str, Any]) -> str:
    if "url" in wheel:
        return str(wheel["url"]).partition("#")[0]
    if "url" in source:
        return source["url"].partition("#")[0]
    return source["path"] if "path" in source else str(Path(source["registry"]) / wheel["path"])


def _completed(
    packages: tuple[Package, ...], places: Mapping[str, tuple[str, str]], sources: Sources
) -> tuple[Package, ...]:
    """Fill in digests and sizes that the index does not state, from the files themselves."""
    known: dict[str, Wheel] = {}
    for package in packages:
        for _, wheel in package.wheels:
            if wheel.name not in known:
                known[wheel.name] = (
                    wheel if wheel.digest and wheel.size else _measured(wheel, places[wheel.name][0], sources)
                )
    return tuple(
        replace(package, wheels=tuple((platform, known[wheel.name]) for platform, wheel in package.wheels))
        for package in packages
    )


def _measured(wheel: Wheel, address: str, sources: Sources) -> Wheel:
    path = address.removeprefix("file://")
    data = sources.client.get(address) if "://" in path else Path(path).read_bytes()
    digest = sources.store.add(data)
    if wheel.digest not in ("", digest):
        raise InputError.of(f"the content of `{wheel.name}` does not have the sha256 that its index states")
    return replace(wheel, digest=digest, size=len(data))


def _base(spec: Spec, suite: str, previous: Lock | None, sources: Sources, upgrade: Upgrade) -> Base:
    if previous and not upgrade.everything and _answers(previous, spec, suite):
        return previous.base
    return resolve_base(spec, suite, sources)


def _answers(previous: Lock, spec: Spec, suite: str) -> bool:
    """Tell whether an earlier base is still what a spec asks for."""
    asked = json.loads(previous.asked)["system-packages"]
    same_platforms = set(spec.platforms) == set(previous.platforms)
    return previous.base.suite == suite and same_platforms and asked == list(spec.system_packages)


def _pins(previous: Lock | None, upgrade: Upgrade) -> tuple[Package, ...]:
    """Return the packages of an earlier lock that may not move without need."""
    if previous is None or upgrade.everything:
        return ()
    names = {package.name for package in previous.packages}
    if missing := sorted(upgrade.packages - names):
        raise InputError.of(f"`--upgrade-package {missing[0]}`: the lock has no such package")
    return tuple(each for each in previous.packages if each.name not in upgrade.packages)
