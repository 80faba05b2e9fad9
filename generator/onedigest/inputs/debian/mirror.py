"""Knows where Debian's archive can be read from: a mirror that is named, the machine's own, or the snapshot service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

SNAPSHOT = "https://snapshot.debian.org/archive/debian"
NEWEST = "99990101T000000Z"
"""The service answers a time to come with its newest state."""

_ONE_LINE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s*)?(https?://\S+)\s", re.MULTILINE)
_URIS = re.compile(r"^URIs:\s*(.+)$", re.MULTILINE)
_DATE = "%a, %d %b %Y %H:%M:%S %Z"


def find_mirrors(named: str, sources: Path) -> tuple[str, ...]:
    """Return the addresses of mirrors, without a slash at the end, best first; none means the snapshot service alone.

    `sources` is apt's configuration folder. Only an archive called `debian` counts, for that is the main one.
    """
    if named:
        return (named.rstrip("/"),)
    return tuple(dict.fromkeys(_from_apt(sources)))


def addresses(mirrors: tuple[str, ...], path: str, date: str = "") -> tuple[str, ...]:
    """Return where a file of the archive may be, best first. `date` is that of the release that names it."""
    return (*(f"{mirror}/{path}" for mirror in mirrors), f"{SNAPSHOT}/{_snapshot_time(date)}/{path}")


def _snapshot_time(date: str) -> str:
    if not date:
        return NEWEST
    moment = datetime.strptime(date, _DATE).replace(tzinfo=UTC) + timedelta(days=1)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _from_apt(folder: Path) -> Iterator[str]:
    files = [folder / "sources.list"]
    for kind in ("*.list", "*.sources"):
        files += sorted((folder / "sources.list.d").glob(kind))
    for file in files:
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found = _ONE_LINE.findall(text) + [uri for line in _URIS.findall(text) for uri in line.split()]
            yield from (uri.rstrip("/") for uri in found if uri.rstrip("/").endswith("/debian"))
