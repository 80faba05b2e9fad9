"""The Debian packages that a base pins, and the releases of Debian that they are of, also as text."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onedigest import untrusted
from onedigest.debian.date import moment
from onedigest.digest import Digest, hex_of
from onedigest.lock.table import Table
from onedigest.lock.toml import inline_table, lines, string
from onedigest.platforms import Platform

if TYPE_CHECKING:
    from onedigest.debian.index import Stanza


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class DebianPackage:
    """A .deb. `architecture` is Debian's name or `all`, `path` is from the archive's root, `size` in bytes.

    `suite` is the one that has it where that is not the main one of its base, such as `trixie-security`. `date` is that
    of the release that had it, where the one that the lock states has it no more.
    """

    name: str
    version: str
    architecture: str
    path: str
    digest: Digest
    size: int
    platforms: tuple[Platform, ...]
    suite: str = ""
    date: str = ""

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


def package_of(stanza: Stanza, platforms: Iterable[Platform], main: str) -> DebianPackage:
    """Return the package that an index has, for some platforms; `main` is the suite that goes without saying."""
    return DebianPackage(
        name=stanza.name,
        version=stanza.version,
        architecture=stanza.architecture,
        path=stanza.path,
        digest=Digest(f"sha256:{stanza.sha256}"),
        size=stanza.size,
        platforms=tuple(sorted(platforms)),
        suite="" if stanza.suite == main else stanza.suite,
        date=stanza.date,
    )


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Release:
    """A suite as Debian published it at one time, by the digest of its InRelease."""

    suite: str
    digest: Digest
    date: str


def releases_text(releases: Iterable[Release]) -> str:
    """Return the array of the releases in the table of a base."""
    rows = [{"suite": each.suite, "date": each.date, "sha256": hex_of(each.digest)} for each in releases]
    return f"releases = {lines([inline_table({key: string(text) for key, text in row.items()}) for row in rows])}\n"


def read_releases(base: Table) -> tuple[Release, ...]:
    """Read the array of the releases: a main suite, and the further ones of it. Raises `Wrong`."""
    found = tuple(sorted(base.each("releases", _release)))
    suites = [each.suite for each in found]
    if not found:
        raise base.wrong("releases", "is missing or empty")
    if suites not in ([suites[0], *further] for further in _further(suites[0])):
        raise base.wrong("releases", "are not of one suite with its -updates, and its -security at the most")
    return found


def _further(suite: str) -> tuple[list[str], ...]:
    updates, security = f"{suite}-updates", f"{suite}-security"
    return [updates], [security, updates]


def _release(row: Table) -> Release:
    return Release(
        suite=row.take("suite", untrusted.word),
        digest=row.take("sha256", untrusted.sha256),
        date=row.take("date", release_date),
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
    fields |= {key: string(text) for key, text in (("suite", package.suite), ("date", package.date)) if text}
    return inline_table(fields)


def read_packages(
    base: Table, key: str, releases: Sequence[Release], platforms: Sequence[Platform]
) -> tuple[DebianPackage, ...]:
    """Read an array of packages that are of some releases."""
    further = {each.suite for each in releases[1:]}
    return base.each(key, lambda row: _package(further, platforms, row))


def _package(further: Container[str], platforms: Sequence[Platform], row: Table) -> DebianPackage:
    users = {each.debian: (each,) for each in platforms} | {"all": tuple(platforms)}
    architecture = row.take("architecture", untrusted.word)
    if architecture not in users:
        raise row.wrong("architecture", f"is {architecture!r}, which no platform of the lock has")
    if architecture == "all" and "platforms" in row:
        users[architecture] = row.every("platforms", untrusted.platform)
        if not users[architecture] or set(users[architecture]) - set(platforms):
            raise row.wrong("platforms", "are not some of the lock's platforms")
    suite = row.take_or("", "suite", untrusted.word)
    if suite and suite not in further:
        raise row.wrong("suite", f"is {suite!r}, which is no further suite of the lock")
    return DebianPackage(
        name=row.take("name", untrusted.debian_name),
        version=row.take("version", untrusted.debian_version),
        architecture=architecture,
        path=row.take("path", untrusted.debian_path),
        digest=row.take("sha256", untrusted.sha256),
        size=row.take("size", untrusted.size),
        platforms=tuple(sorted(set(users[architecture]))),
        suite=suite,
        date=row.take_or("", "date", release_date),
    )


def release_date(value: Any) -> str:
    """Return the date of a release as Debian writes it, such as `Sat, 11 Jul 2026 10:16:37 UTC`."""
    found = untrusted.text(value)
    if moment(found) is None:
        raise ValueError(f"is {found[:80]!r}, which is not the date of a release")
    return found
