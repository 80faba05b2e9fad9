"""The places where Debian's archives can be read: mirrors that are named, the machine's own, the snapshot service."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from onedigest import untrusted
from onedigest.debian.apt_sources import AptSource, is_address, read_sources
from onedigest.debian.date import moment
from onedigest.errors import InputError, Problem

SNAPSHOT = "https://snapshot.debian.org/archive"
NEWEST = "99990101T000000Z"
"""The service answers a time to come with its newest state."""

MAIN, SECURITY = "debian", "debian-security"
"""The two archives, by the names that mirrors and the snapshot service have for them."""

MAIN_VARIABLE, SECURITY_VARIABLE = "ONEDIGEST_DEBIAN_MIRROR", "ONEDIGEST_DEBIAN_SECURITY_MIRROR"

_SUITE = re.compile(
    r"(?:(?:old){0,3}stable|testing|unstable|sid|buster|bullseye|bookworm|trixie|forky|duke)(-[a-z-]+|/updates)?/?"
)
"""Names of Debian's suites, also of those that nothing is locked from: a mirror of one has others."""

_OWN_KEYS = re.compile(r"(?:.*/)?debian[^/]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mirrors:
    """Addresses of mirrors of the two archives, without a slash at the end, best first.

    The snapshot service comes after them. `unchecked` are those of which release files count after their time, since
    apt's configuration says so.
    """

    debian: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    unchecked: frozenset[str] = frozenset()

    def of(self, suite: str) -> tuple[str, ...]:
        """Return the addresses of the archive that has a suite."""
        return self.security if archive_of(suite) == SECURITY else self.debian


def archive_of(suite: str) -> str:
    """Return the archive that has a suite."""
    return SECURITY if suite.endswith("-security") else MAIN


def find_mirrors(named: str, named_security: str, folder: Path) -> Mirrors:
    """Return the mirrors that are named for each archive, else those of apt, whose configuration is in `folder`.

    Where a mirror of the main archive is known and none of the other, the folder beside it is tried: most have both.
    Raises `InputError` for a name that is no address.
    """
    _refuse_others({MAIN_VARIABLE: named, SECURITY_VARIABLE: named_security})
    sources = [each for each in read_sources(folder) if _is_debian(each)]
    main = [named] if named else [each.address for each in sources if _has_main(each)]
    beside = [f"{each.rstrip('/')}-security" for each in main if each.rstrip("/").endswith(f"/{MAIN}")]
    known = [each.address for each in sources if _has_security(each)]
    unnamed = [*beside, *known] if named else known or beside
    return Mirrors(
        debian=_distinct(main),
        security=_distinct([named_security] if named_security else unnamed),
        unchecked=frozenset(each.address for each in sources if not each.expires),
    )


def addresses(mirrors: Mirrors, suite: str, paths: Iterable[str], date: str = "") -> tuple[str, ...]:
    """Return where a file of the archive of a suite may be, best first; it may be at any of some paths there.

    `date` is that of the release that names it. The snapshot service has it at the first of the paths. Raises
    `InputError` for a path that leads out of the archive, and for a date that is none.
    """
    try:
        quoted = [quote(untrusted.inner_path(path), safe="/+~!") for path in paths]
    except ValueError as error:
        raise InputError.of(f"the path of a file of Debian's archive {error}") from None
    found = [f"{mirror}/{path}" for mirror in mirrors.of(suite) for path in quoted]
    return (*found, f"{SNAPSHOT}/{archive_of(suite)}/{_snapshot_time(date)}/{quoted[0]}")


def _snapshot_time(date: str) -> str:
    if not date:
        return NEWEST
    found = moment(date)
    if found is None:
        raise InputError.of(f"the date of Debian's release is {date[:80]!r}, which is none")
    return (found + timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")


def _refuse_others(named: Mapping[str, str]) -> None:
    problems = [
        Problem(
            f"{variable} is {untrusted.quoted(value)}, which is not the address of a mirror",
            hint="write it with https:// or http:// and its path, such as https://mirror.example.com/debian",
        )
        for variable, value in named.items()
        if value and not is_address(value)
    ]
    if problems:
        raise InputError(problems)


def _distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.rstrip("/") for each in addresses))


def _is_debian(source: AptSource) -> bool:
    """Tell whether packages of a source may be Debian's own: of its component main, and not signed by others."""
    own_keys = "BEGIN" in source.keys or all(map(_OWN_KEYS.fullmatch, source.keys.replace(",", " ").split()))
    return own_keys and "main" in source.components


def _has_main(source: AptSource) -> bool:
    if _last(source) in (MAIN, SECURITY):
        return _last(source) == MAIN
    return any(_SUITE.fullmatch(each) for each in source.suites) and not all(_secure(source))


def _has_security(source: AptSource) -> bool:
    return _last(source) == SECURITY or (any(map(_SUITE.fullmatch, source.suites)) and any(_secure(source)))


def _secure(source: AptSource) -> Iterator[bool]:
    return (each.rstrip("/").endswith(("-security", "/updates")) for each in source.suites)


def _last(source: AptSource) -> str:
    return posixpath.basename(urlsplit(source.address).path)
