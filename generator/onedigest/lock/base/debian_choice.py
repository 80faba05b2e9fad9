"""Knows which Debian packages a minimal root for Python is made of, and those that are asked for above a base."""

from __future__ import annotations

from onedigest.digest import Digest
from onedigest.inputs.debian.archive import Suite
from onedigest.inputs.debian.closure import close
from onedigest.inputs.debian.index import Index, Stanza
from onedigest.inputs.debian.version import upstream
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.packages import DebianPackage, Release
from onedigest.platforms import Platform
from onedigest.sources import Sources
from onedigest.spec import Spec

_SEEDS = (
    "base-files",
    "base-passwd",
    "ca-certificates",
    "libc-bin",
    "libstdc++6",
    "ncurses-base",  # terminals, which curses asks for by name
    "netbase",
    "python3",
    "tzdata",
)

_ONLY_TO_CONFIGURE = frozenset({"debconf", "debconf-2.0", "dpkg", "install-info"})
"""Needed by maintainer scripts, which never run."""

_NOT_IN_BASE = _ONLY_TO_CONFIGURE | {"awk", "libdebconfclient0", "libselinux1", "openssl", "perl-base"}
"""Needed by maintainer scripts and by commands that set a system up, such as update-passwd."""


def resolve_debian(spec: Spec, suite: str, sources: Sources) -> DebianBase:
    """Choose the packages of the base and of `system-packages` for every platform, from the suite as it is now."""
    architectures = tuple(platform.debian for platform in spec.platforms)
    read = sources.archive.read(suite, architectures)
    chosen = {platform: _close(read.indexes[platform.debian], spec) for platform in spec.platforms}
    first = {stanza.name: stanza for stanza in chosen[spec.platforms[0]][0]}
    python = upstream(
        next(stanza.version for name, stanza in first.items() if name.endswith("-minimal") and "lib" in name)
    )
    return DebianBase(
        release=release_of(read),
        interpreter=f"/usr/bin/python{'.'.join(python.split('.')[:2])}",
        python=python,
        libc_version=".".join(upstream(first["libc6"].version).split(".")[:2]),
        packages=_pinned({platform: pair[0] for platform, pair in chosen.items()}),
        system_packages=_pinned({platform: pair[1] for platform, pair in chosen.items()}),
    )


def release_of(read: Suite) -> Release:
    """Return what a lock says of a suite that was read."""
    return Release(suite=read.name, digest=read.release, date=read.date)


def _close(index: Index, spec: Spec) -> tuple[list[Stanza], list[Stanza]]:
    base = close(index, _SEEDS, _NOT_IN_BASE, {})
    given = {stanza.name: stanza for stanza in base}
    return base, close(index, spec.system_packages, _ONLY_TO_CONFIGURE, given)


def resolve_above(
    spec: Spec, suite: str, installed: dict[Platform, dict[str, Stanza]], sources: Sources
) -> tuple[Suite, tuple[DebianPackage, ...]]:
    """Choose the packages of `system-packages` for an image of a suite that has packages installed."""
    read = sources.archive.read(suite, tuple(each.debian for each in installed))
    chosen = {
        platform: close(read.indexes[platform.debian], spec.system_packages, _ONLY_TO_CONFIGURE, given)
        for platform, given in installed.items()
    }
    return read, _pinned(chosen)


def _pinned(chosen: dict[Platform, list[Stanza]]) -> tuple[DebianPackage, ...]:
    """Return each .deb once, with the platforms that need it."""
    users: dict[str, tuple[Stanza, list[Platform]]] = {}
    for platform, stanzas in chosen.items():
        for stanza in stanzas:
            users.setdefault(stanza.path, (stanza, []))[1].append(platform)
    return tuple(
        DebianPackage(
            name=stanza.name,
            version=stanza.version,
            architecture=stanza.architecture,
            path=stanza.path,
            digest=Digest(f"sha256:{stanza.sha256}"),
            size=stanza.size,
            platforms=tuple(sorted(platforms)),
        )
        for stanza, platforms in users.values()
    )
