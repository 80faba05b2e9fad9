"""The Debian package that the shell of a debug image comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onedigest.errors import InputError
from onedigest.lock.base import Base
from onedigest.lock.base.choice import SUITES
from onedigest.lock.base.packages import DebianPackage, package_of
from onedigest.platforms import Platform
from onedigest.sources import Sources

PACKAGE = "busybox-static"


def find_shell(
    base: Base, platforms: Sequence[Platform], sources: Sources, *, security: bool
) -> dict[Platform, DebianPackage]:
    """Find the package in the suite of a base, or else the newest one, as it is now: no lock pins it.

    Each states the suite that has it, and the date of the release that names it.
    """
    suite = base.suite or next(iter(SUITES))
    read = sources.archive.read(suite, tuple(platform.debian for platform in platforms), security=security)
    dates = {release.suite: release.date for release in read.releases}
    found = {}
    for platform in platforms:
        stanza = read.packages[platform.debian].get(PACKAGE)
        if stanza is None:
            raise InputError.of(f"debian:{suite} has no package {PACKAGE} for {platform}")
        found[platform] = replace(package_of(stanza, [platform], ""), date=dates.get(stanza.suite, ""))
    return found
