"""The parts of a lock as frozen values; every sequence is sorted when it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onedigest.digest import Digest
from onedigest.from_source.model import BuiltFrom, Kind
from onedigest.lock.base import Base
from onedigest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wheel:
    """A wheel by its file name. `upload_time` is as the index gives it (RFC 3339), or empty. `size` is in bytes."""

    name: str
    digest: Digest
    size: int
    upload_time: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    """One version of a project, with the wheel that each platform selects.

    `origin` is the source that its one wheel was built of, where it was built.
    """

    name: str
    version: str
    wheels: tuple[tuple[Platform, Wheel], ...]
    dependencies: tuple[tuple[str, str], ...] = ()
    """Name and version of each package that this one needs."""
    origin: BuiltFrom | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wheels", tuple(sorted(self.wheels)))
        object.__setattr__(self, "dependencies", tuple(sorted(set(self.dependencies))))

    @property
    def key(self) -> tuple[str, str]:
        """Name and version, which together are found once in a lock."""
        return self.name, self.version

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms that need the package."""
        return tuple(platform for platform, _ in self.wheels)

    @property
    def is_local(self) -> bool:
        """Whether its wheel was built of a folder of the repository, whose code changes most often."""
        return self.origin is not None and self.origin.kind is Kind.DIRECTORY

    def wheel_for(self, platform: Platform) -> Wheel | None:
        """Return the wheel that a platform selects."""
        return dict(self.wheels).get(platform)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What was chosen, and the spec that it answers.

    `roots` are the packages that the script asks for. `version` is the release of onedigest that made the lock.
    """

    spec: Digest
    asked: str
    """The fields of the spec that differ from their defaults, as canonical JSON."""
    script: str
    version: str
    platforms: tuple[Platform, ...]
    base: Base
    packages: tuple[LockedPackage, ...]
    roots: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "platforms", tuple(sorted(self.platforms)))
        object.__setattr__(self, "packages", tuple(sorted(self.packages, key=lambda package: package.key)))
        object.__setattr__(self, "roots", tuple(sorted(set(self.roots))))

    def names(self) -> frozenset[str]:
        """Return the names of all its packages, those of Debian and those that builds need too."""
        own, debian = (each.name for each in self.packages), (each.name for each in self.base.debian_packages)
        origins = [package.origin for package in self.packages if package.origin]
        return frozenset([*own, *debian, *(each.name for origin in origins for each in origin.requires)])

    def wheels(self) -> tuple[Wheel, ...]:
        """Return the distinct wheels of all platforms, sorted by file name."""
        return tuple(sorted({wheel for package in self.packages for _, wheel in package.wheels}))


def keep_release(lock: Lock, previous: Lock | None) -> Lock:
    """Return a lock as it is to be written: the release moves only where something else does too.

    A previous lock of another format is to be given without a `version`: its text moves anyway.
    """
    if previous is None or not previous.version:
        return lock
    kept = replace(lock, version=previous.version)
    return kept if kept == previous else lock
