"""Knows the Debian base: which suite fits a script, and which packages a minimal root for Python is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.inputs.debian.archive import Suite
from onedigest.inputs.debian.closure import close
from onedigest.inputs.debian.index import Index, Stanza
from onedigest.inputs.debian.version import upstream
from onedigest.lock.model import Base, DebianPackage
from onedigest.platforms import Platform
from onedigest.sources import Sources
from onedigest.spec import Spec

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

SUITES = {"trixie": "3.13.5", "bookworm": "3.11.2"}
"""The stable suites whose keys are shipped, newest first, with their Python, which a stable suite keeps."""

_MINORS = range(11, 17)
"""The minors of Python 3 that there may be an image of."""
_MICROS = 30

_SEEDS = ("base-files", "base-passwd", "ca-certificates", "libc-bin", "libstdc++6", "netbase", "python3", "tzdata")

_ONLY_TO_CONFIGURE = frozenset({"debconf", "debconf-2.0", "dpkg", "install-info"})
"""Needed by maintainer scripts, which never run."""

_NOT_IN_BASE = _ONLY_TO_CONFIGURE | {"awk", "libdebconfclient0", "libselinux1", "openssl", "perl-base"}
"""Needed by maintainer scripts and by commands that set a system up, such as update-passwd."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which base a spec means: a Debian suite, or the reference of an image."""

    suite: str = ""
    image: str = ""


def choose_base(spec: Spec) -> Choice:
    """Return the base of a spec. Raises `InputError` when the Debian suite that it names has no right Python."""
    from packaging.specifiers import SpecifierSet

    kind, _, named = spec.base.partition(":")
    if kind != "debian":
        return Choice(image=spec.base)
    if named and named not in SUITES:
        raise InputError.of(
            f"unknown Debian suite `{named}`", where=spec.script, hint=f"the suites are {', '.join(SUITES)}"
        )
    wanted = SpecifierSet(spec.requires_python)
    for suite, python in SUITES.items():
        if named in ("", suite) and wanted.contains(python):
            return Choice(suite=suite)
    exact = _exact_minor(spec.requires_python)
    if not named and not exact and (minor := _minor(wanted)):
        return Choice(image=f"docker.io/library/python:{minor}-slim")
    offered = ", ".join(f"{suite} ({python})" for suite, python in SUITES.items() if named in ("", suite))
    raise InputError.of(
        f"no Debian suite has a Python that satisfies `requires-python = {spec.requires_python!r}`",
        where=spec.script,
        hint=exact or f"the suites are {offered}",
    )


def _exact_minor(requires_python: str) -> str:
    """Return advice for `==3.13`, which people write for any 3.13 and which means 3.13.0 alone (PEP 440)."""
    match = re.search(r"==(3\.\d+)(?:,|$)", requires_python)
    return f"`=={match[1]}` means {match[1]}.0 alone; write `=={match[1]}.*`" if match else ""


def _minor(wanted: SpecifierSet) -> str:
    """Return the oldest Python that satisfies a specifier and that no suite has: for that one most wheels exist."""
    versions = (f"3.{minor}.{micro}" for minor in _MINORS for micro in range(_MICROS))
    found = next((version for version in versions if wanted.contains(version)), "")
    return found.rpartition(".")[0]


def resolve_base(spec: Spec, suite: str, sources: Sources) -> Base:
    """Choose the packages of the base and of `system-packages` for every platform, from the suite as it is now."""
    architectures = tuple(platform.debian for platform in spec.platforms)
    read = sources.archive.read(suite, architectures)
    chosen = {platform: _close(read.indexes[platform.debian], spec) for platform in spec.platforms}
    first = {stanza.name: stanza for stanza in chosen[spec.platforms[0]][0]}
    python = upstream(
        next(stanza.version for name, stanza in first.items() if name.endswith("-minimal") and "lib" in name)
    )
    return Base(
        suite=suite,
        release=read.release,
        date=read.date,
        interpreter=f"/usr/bin/python{'.'.join(python.split('.')[:2])}",
        python=python,
        libc_version=".".join(upstream(first["libc6"].version).split(".")[:2]),
        packages=_pinned({platform: pair[0] for platform, pair in chosen.items()}),
        system_packages=_pinned({platform: pair[1] for platform, pair in chosen.items()}),
    )


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
