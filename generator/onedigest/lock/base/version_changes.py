"""The Debian packages that moved from one base to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onedigest.debian.mirror import SECURITY, archive_of
from onedigest.lock.base import Base
from onedigest.lock.base.packages import DebianPackage
from onedigest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionChange:
    """Debian packages of one source that moved alike on some platforms.

    `packages` are those as they are now, or as they were where they are gone. `old` is empty where they are new, and
    `new` where they are gone.
    """

    packages: tuple[DebianPackage, ...]
    old: str
    new: str
    platforms: tuple[Platform, ...]

    @property
    def is_security(self) -> bool:
        """Whether the security archive has them."""
        return bool(self.new) and any(archive_of(each.suite) == SECURITY for each in self.packages)


def find_version_changes(before: Base, after: Base) -> list[VersionChange]:
    """Return what moved, by name; packages that a source gives alike are one move."""
    old, new = _by_place(before.debian_packages), _by_place(after.debian_packages)
    places: dict[tuple[str, str, str], list[Platform]] = {}
    for name, platform in sorted(old.keys() | new.keys()):
        one, other = (each[name, platform].version if (name, platform) in each else "" for each in (old, new))
        if one != other:
            places.setdefault((name, one, other), []).append(platform)
    alike: dict[tuple[str, str, str, tuple[Platform, ...]], list[DebianPackage]] = {}
    for (name, one, other), platforms in places.items():
        package = (new if other else old)[name, platforms[0]]
        source = package.path.rpartition("/")[0]
        alike.setdefault((source, one, other, tuple(platforms)), []).append(package)
    return [
        VersionChange(packages=tuple(packages), old=one, new=other, platforms=on)
        for (_, one, other, on), packages in alike.items()
    ]


def _by_place(packages: Iterable[DebianPackage]) -> dict[tuple[str, Platform], DebianPackage]:
    return {(each.name, platform): each for each in packages for platform in each.platforms}
