"""The Debian packages of an earlier lock that stay as they are, and where each is known from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from onedigest.assembler import deb
from onedigest.assembler.refusal import Refused
from onedigest.debian.archive import Suite
from onedigest.debian.closure import Outdated
from onedigest.debian.date import moment
from onedigest.debian.index import Candidates, Stanza, installed
from onedigest.digest import hex_of
from onedigest.errors import InputError, NetworkError, Problem
from onedigest.lock.base import Base
from onedigest.lock.base.deb_downloads import package_download
from onedigest.lock.base.packages import DebianPackage
from onedigest.net.download import download
from onedigest.platforms import Platform
from onedigest.sources import Sources

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierPackages:
    """What an earlier lock pins: its base, its platforms, and the names of packages that may move nevertheless.

    Where `everything` may move, it only tells which releases are known.
    """

    base: Base
    platforms: tuple[Platform, ...]
    moving: frozenset[str] = frozenset()
    everything: bool = False


def refuse_older(read: Suite, earlier: EarlierPackages | None, where: str) -> None:
    """Raise `NetworkError` for a release that is older than the one which a lock knows of its suite.

    It may be what an attacker kept of a time when something was not mended yet.
    """
    known = {each.suite: each.date for each in earlier.base.releases} if earlier else {}
    problems = []
    for release in read.releases:
        now, before = moment(release.date), moment(known.get(release.suite, ""))
        if now and before and now < before:
            newer = known[release.suite]
            message = f"the release file is of {release.date}, and {where} is locked with that of {newer}"
            hint = "use a mirror that is up to date, or remove the lock to begin anew"
            problems.append(Problem(message, release.where, hint))
    if problems:
        raise NetworkError(problems)


def find_pins(read: Suite, earlier: EarlierPackages | None, platform: Platform, sources: Sources) -> dict[str, Stanza]:
    """Return the packages that stay on a platform, by name.

    Of those that no index has any more, the .debs are fetched, for they tell what they need; one that nothing has is
    chosen anew. On a platform that the lock does not have, the versions of the others count.
    """
    if earlier is None or earlier.everything or earlier.base.suite != read.name:
        return {}
    packages = read.packages[platform.debian]
    rows = [each for each in earlier.base.debian_packages if each.name not in earlier.moving]
    if platform not in earlier.platforms:
        versions = {each.name: each.version for each in rows}
        several = ((name, _of_version(packages, name, version)) for name, version in versions.items())
        return {name: stanza for name, stanza in several if stanza}
    own = [each for each in rows if platform in each.platforms]
    found = {each.name: stanza for each in own if (stanza := _of_digest(packages, each))}
    suites = {release.suite for release in read.releases}
    gone = [each for each in own if each.name not in found and (each.suite or read.name) in suites]
    return {**found, **_from_files(earlier.base, gone, sources)}


def settle(choose: Callable[[Mapping[str, Stanza]], T], pins: Mapping[str, Stanza]) -> T:
    """Choose with pins, and without those that cannot stay beside what else is chosen."""
    left = dict(pins)
    while True:
        try:
            return choose(left)
        except Outdated as outdated:
            left = {name: stanza for name, stanza in left.items() if name not in outdated.names}


def _of_version(packages: Candidates, name: str, version: str) -> Stanza | None:
    return next((each for each in packages.versions(name) if each.version == version), None)


def _of_digest(packages: Candidates, row: DebianPackage) -> Stanza | None:
    return next((each for each in packages.versions(row.name) if each.sha256 == hex_of(row.digest)), None)


def _from_files(base: Base, rows: Iterable[DebianPackage], sources: Sources) -> dict[str, Stanza]:
    wanted = {row: package_download(row, base.published(row), sources.archive.mirrors) for row in rows}
    with suppress(NetworkError):
        download(sources.client, sources.store, wanted.values(), sources.report)
    found = {}
    for row in wanted:
        if sources.store.has(row.digest, row.size) and (stanza := _from_file(base, row, sources)):
            found[row.name] = stanza
    return found


def _from_file(base: Base, row: DebianPackage, sources: Sources) -> Stanza | None:
    try:
        control = deb.read_control(sources.store.path(row.digest), row.file_name)
        stanza = installed(control.decode("utf-8", "replace")).get(row.name)
    except (Refused, InputError):
        return None
    if stanza is None or stanza.version != row.version:
        return None
    suite, date = base.published(row)
    return replace(stanza, path=row.path, sha256=hex_of(row.digest), size=row.size, suite=suite, date=date)
