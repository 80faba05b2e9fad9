"""Knows which Debian package the shell of a debug image comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock.base import Base
from onedigest.lock.base.choice import SUITES
from onedigest.lock.base.packages import DebianPackage
from onedigest.platforms import Platform
from onedigest.sources import Sources

PACKAGE = "busybox-static"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """The package for each platform, and the dates of the releases that name them, by suite."""

    packages: Mapping[Platform, DebianPackage]
    dates: Mapping[str, str]


def find_shell(base: Base, platforms: Sequence[Platform], sources: Sources, *, security: bool) -> Shell:
    """Find the package in the suite of a base, or else the newest one, as it is now: no lock pins it."""
    suite = base.suite or next(iter(SUITES))
    read = sources.archive.read(suite, tuple(platform.debian for platform in platforms), security=security)
    found = {}
    for platform in platforms:
        stanza = read.packages[platform.debian].get(PACKAGE)
        if stanza is None:
            raise InputError.of(f"debian:{suite} has no package {PACKAGE} for {platform}")
        found[platform] = DebianPackage(
            name=stanza.name,
            version=stanza.version,
            architecture=stanza.architecture,
            path=stanza.path,
            digest=Digest(f"sha256:{stanza.sha256}"),
            size=stanza.size,
            platforms=(platform,),
            suite=stanza.suite,
        )
    return Shell(packages=found, dates={release.suite: release.date for release in read.releases})
