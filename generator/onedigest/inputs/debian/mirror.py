"""Knows where Debian's archive can be read from: a mirror that is named, the machine's own, or the snapshot service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from onedigest import untrusted
from onedigest.errors import InputError

SNAPSHOT = "https://snapshot.debian.org/archive/debian"
NEWEST = "99990101T000000Z"
"""The service answers a time to come with its newest state."""

_ONE_LINE = re.compile(r"^[ \t]*deb[ \t]+(?:\[[^\]\n]*\][ \t]*)?(https?://\S+)[ \t]", re.MULTILINE)
_URIS = re.compile(r"^URIs:\s*(.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[!-~]+/debian", re.ASCII)
_MOST_BYTES = 1 << 20
_WRITTEN = re.compile(r"[A-Z][a-z]{2}, +\d{1,2} [A-Z][a-z]{2} (?:19|2\d)\d\d \d\d:\d\d:\d\d UTC", re.ASCII)
_DATE = "%a, %d %b %Y %H:%M:%S %Z"


def find_mirrors(named: str, sources: Path) -> tuple[str, ...]:
    """Return the addresses of mirrors, without a slash at the end, best first; none means the snapshot service alone.

    `sources` is apt's configuration folder. Only an archive called `debian` counts, for that is the main one.
    """
    if named:
        return (named.rstrip("/"),)
    return tuple(dict.fromkeys(_from_apt(sources)))


def addresses(mirrors: tuple[str, ...], path: str, date: str = "") -> tuple[str, ...]:
    """Return where a file of the archive may be, best first. `date` is that of the release that names it.

    Raises `InputError` for a path that leads out of the archive, and for a date that is none.
    """
    try:
        quoted = quote(untrusted.inner_path(path), safe="/+~!")
    except ValueError as error:
        raise InputError.of(f"the path of a file of Debian's archive {error}") from None
    return (*(f"{mirror}/{quoted}" for mirror in mirrors), f"{SNAPSHOT}/{_snapshot_time(date)}/{quoted}")


def is_date(text: str) -> bool:
    """Tell whether a text is a date as release files have it, such as `Sat, 11 Jul 2026 10:16:37 UTC`."""
    return _moment(text) is not None


def _snapshot_time(date: str) -> str:
    if not date:
        return NEWEST
    moment = _moment(date)
    if moment is None:
        raise InputError.of(f"the date of Debian's release is {date[:80]!r}, which is none")
    return (moment + timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")


def _moment(date: str) -> datetime | None:
    if not _WRITTEN.fullmatch(date):
        return None
    try:
        return datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def _from_apt(folder: Path) -> Iterator[str]:
    files = [folder / "sources.list"]
    for kind in ("*.list", "*.sources"):
        files += sorted((folder / "sources.list.d").glob(kind))
    for file in files:
        try:
            with file.open("rb") as opened:
                text = opened.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        found = _ONE_LINE.findall(text) + [uri for line in _URIS.findall(text) for uri in line.split()]
        yield from (uri.rstrip("/") for uri in found if _is_address(uri.rstrip("/")))


def _is_address(text: str) -> bool:
    try:
        return bool(_ADDRESS.fullmatch(text) and urlsplit(text).hostname)
    except ValueError:
        return False
