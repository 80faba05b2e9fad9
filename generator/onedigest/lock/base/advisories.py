"""The vulnerabilities that a newer Debian package fixes, by the changelog in it (Debian Policy, section 12.7)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from contextlib import suppress

from onedigest.assembler import deb
from onedigest.assembler.refusal import Refused
from onedigest.debian.versions import satisfies
from onedigest.errors import NetworkError
from onedigest.lock.base import Base
from onedigest.lock.base.deb_downloads import package_download
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.base.version_changes import VersionChange
from onedigest.net.download import download
from onedigest.sources import Sources

_MOST_BYTES = 4 << 20
_MOST_TOGETHER = 32 << 20
"""What is fetched for that; all of it is an input of the build, too."""
_MOST_TEXT = 8 << 20

_HEAD = re.compile(r"[a-z0-9][a-z0-9+.-]* \(([^()\s]{1,200})\) [^\n]*")
_IDENTIFIER = re.compile(r"\bCVE-\d{4}-\d{4,7}\b", re.ASCII)


def find_fixed_advisories(
    moves: Iterable[VersionChange], base: Base, sources: Sources
) -> dict[VersionChange, tuple[str, ...]]:
    """Return the CVE identifiers between the old and the new version of what comes from the security archive.

    The changelog is that of the smallest package of each move; where it is large, or cannot be had, nothing is told.
    """
    chosen = {}
    left = _MOST_TOGETHER
    for move in moves:
        package = min(move.packages, key=lambda each: (each.size, each.name))
        if move.old and move.is_security and package.size <= min(left, _MOST_BYTES):
            chosen[move] = package
            left -= package.size
    wanted = [package_download(each, base.published(each), sources.archive.mirrors) for each in chosen.values()]
    with suppress(NetworkError):
        download(sources.client, sources.store, wanted, sources.report)
    return {
        move: fixed_advisories(_changelog(package, sources), move.old)
        for move, package in chosen.items()
        if sources.store.has(package.digest, package.size)
    }


def fixed_advisories(changelog: str, old: str) -> tuple[str, ...]:
    """Return the CVE identifiers that a changelog names above an old version, sorted."""
    found: set[str] = set()
    for line in changelog.split("\n"):
        head = _HEAD.fullmatch(line)
        if head and satisfies(head[1], "<=", old):
            break
        found |= set(_IDENTIFIER.findall(line))
    return tuple(sorted(found, key=lambda each: tuple(map(int, each.split("-")[1:]))))


def _changelog(package: DebianPackage, sources: Sources) -> str:
    try:
        entries = deb.read(sources.store.path(package.digest)).entries
        names = {f"usr/share/doc/{package.name}/{name}.gz" for name in ("changelog.Debian", "changelog")}
        found = sorted(each.path for each in entries if each.path in names and each.kind == "file")
        packed = next((deb.content_of(each) for each in entries if found and each.path == found[0]), b"")
        inflater = zlib.decompressobj(wbits=31)
        return inflater.decompress(packed, _MOST_TEXT).decode("utf-8", "replace")
    except (Refused, zlib.error):
        return ""
