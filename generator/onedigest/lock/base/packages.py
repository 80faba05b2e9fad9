"""Knows the Debian packages that a base pins, and the release of Debian that they are of, also as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onedigest import untrusted
from onedigest.digest import Digest, hex_of
from onedigest.lock.table import Table
from onedigest.lock.toml_text import inline_table, lines, string
from onedigest.platforms import Platform

_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) UTC", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class DebianPackage:
    """A .deb. `architecture` is Debian's name or `all`, `path` is from the archive's root, `size` in bytes."""

    name: str
    version: str
    architecture: str
    path: str
    digest: Digest
    size: int
    platforms: tuple[Platform, ...]

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A suite as Debian published it at one time, by the digest of its InRelease."""

    suite: str
    digest: Digest
    date: str


def release_text(release: Release) -> str:
    """Return the lines of a release in the table of a base."""
    return f"suite = {string(release.suite)}\nrelease = {string(release.digest)}\ndate = {string(release.date)}\n"


def read_release(base: Table) -> Release:
    """Read the lines of a release."""
    return Release(
        suite=base.take("suite", untrusted.word),
        digest=base.take("release", untrusted.digest),
        date=base.take("date", release_date),
    )


def packages_text(key: str, packages: Iterable[DebianPackage], platforms: Sequence[Platform]) -> str:
    """Return the array of some packages; `platforms` are those of the lock."""
    return f"{key} = {lines([_row(package, platforms) for package in packages])}\n"


def _row(package: DebianPackage, platforms: Sequence[Platform]) -> str:
    fields = {
        "name": string(package.name),
        "version": string(package.version),
        "architecture": string(package.architecture),
        "path": string(package.path),
        "size": str(package.size),
        "sha256": string(hex_of(package.digest)),
    }
    if package.architecture == "all" and package.platforms != tuple(platforms):
        fields["platforms"] = "[" + ", ".join(string(platform.oci) for platform in package.platforms) + "]"
    return inline_table(fields)


def read_packages(base: Table, key: str, platforms: Sequence[Platform]) -> tuple[DebianPackage, ...]:
    """Read an array of packages."""
    return base.each(key, lambda row: _package(platforms, row))


def _package(platforms: Sequence[Platform], row: Table) -> DebianPackage:
    users = {each.debian: (each,) for each in platforms} | {"all": tuple(platforms)}
    architecture = row.take("architecture", untrusted.word)
    if architecture not in users:
        raise row.wrong("architecture", f"is {architecture!r}, which no platform of the lock has")
    if architecture == "all" and "platforms" in row:
        users[architecture] = row.every("platforms", untrusted.platform)
        if not users[architecture] or set(users[architecture]) - set(platforms):
            raise row.wrong("platforms", "are not some of the lock's platforms")
    return DebianPackage(
        name=row.take("name", untrusted.debian_name),
        version=row.take("version", untrusted.debian_version),
        architecture=architecture,
        path=row.take("path", untrusted.debian_path),
        digest=row.take("sha256", untrusted.sha256),
        size=row.take("size", untrusted.size),
        platforms=tuple(sorted(set(users[architecture]))),
    )


def release_date(value: Any) -> str:
    """Return the date of a release as Debian writes it, such as `Sat, 11 Jul 2026 10:16:37 UTC`."""
    found = untrusted.text(value)
    match = _DATE.fullmatch(found)
    try:
        if match and match[2] in _MONTHS:
            day, year, hour, minute, second = (int(match[number]) for number in (1, 3, 4, 5, 6))
            untrusted.moment(datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC))
            return found
    except ValueError:
        pass
    raise ValueError(f"is {found[:80]!r}, which is not the date of a release")
