"""The folders that a base is known to have, so that no layer above changes what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from onedigest.assembler.places import folders_above, is_system
from onedigest.lock.base.debian import HOME, ROOTS_HOME
from onedigest.lock.base.folders_above import PLAIN, WELL_KNOWN
from onedigest.platforms import AMD64, Platform

_OF_BASE_FILES = frozenset(
    f"/{path}"
    for path in (
        *("boot", "dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"),
        *(f"usr/{name}" for name in ("bin", "games", "include", "lib", "sbin", "share", "src")),
        *(f"var/{name}" for name in ("backups", "cache", "lib", "local", "lock", "log", "run", "spool", "tmp")),
    )
)
"""What the package base-files brings in every suite."""

_MERGED = ("bin", "lib", "sbin")
_LINKS = {"/usr/local/man": "/usr/local/share/man", "/var/spool/mail": "/var/mail"}
"""What the script of base-files makes."""

_OF_DEBIAN = {**WELL_KNOWN, "/var/cache/ldconfig": "0700:0:0", "/var/lock": "1777:0:0", "/var/mail": "2775:0:8"}
_OF_SUITE = {"bookworm": {"/var/local": "2775:0:50"}}
"""Folders that are not plainly root's: mode and owner."""


_ESCAPED = str.maketrans({"%": "%25", ",": "%2C", "=": "%3D"})
"""What is escaped where folders are listed as PATH=MODE:UID:GID,…"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseFolders:
    """Folders of a base, by absolute paths. `links` are folders that are links, `odd` those not plainly root's."""

    there: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)

    def real(self, path: str) -> str:
        """Return where a path leads."""
        link = next((each for each in self.links if f"{path}/".startswith(f"{each}/")), "")
        return f"{self.links[link]}{path.removeprefix(link)}" if link else path

    def stated(self, path: str, files: Iterable[str] = (), user: str = "") -> str:
        """Say of the odd ones above, at and below a path what they are, as the assembler is told it.

        Of the folders above `files`, which are absolute paths, all are said that are not made for them. A home that is
        written to is the `user`'s, whoever had it.
        """
        near = {
            each: stated
            for each, stated in self.odd.items()
            if f"{each}/".startswith(f"{path}/") or path.startswith(f"{each}/")
        }
        for each in folders_above(files):
            stated = self.odd.get(each, PLAIN if each in self.there or is_system(each) else "")
            if each == ROOTS_HOME:
                stated = f"{stated.partition(':')[0]}:{user}"
            if stated:
                near[each] = stated
        return ",".join(f"{each.translate(_ESCAPED)}={near[each]}" for each in sorted(near))

    def having(self, path: str, stated: str) -> BaseFolders:
        """Return what is known above a layer that has such a folder: `stated` is its mode and owner."""
        return replace(self, there=self.there | {path}, odd={**self.odd, path: stated})


def image_folders(there: Iterable[str]) -> BaseFolders:
    """Return what is known of an image of a registry: its lock tells which of the folders asked for it has."""
    return BaseFolders(there=frozenset(there), odd=WELL_KNOWN)


def debian_folders(suite: str, user: str, platform: Platform) -> BaseFolders:
    """Return what is known of a root of Debian packages, which has a home for a user."""
    names = (*_MERGED, "lib64") if platform == AMD64 else _MERGED
    odd = {**_OF_DEBIAN, **_OF_SUITE.get(suite, {})}
    if int(user.partition(":")[0]):
        odd[HOME] = f"0755:{user}"
    return BaseFolders(
        there=_OF_BASE_FILES | ({HOME} & odd.keys()),
        links={**{f"/{name}": f"/usr/{name}" for name in names}, **_LINKS},
        odd=odd,
    )
