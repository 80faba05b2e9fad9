"""Knows the parts of a lock as frozen values; every sequence is sorted when it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest
from onedigest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Wheel:
    """A wheel by its file name. `upload_time` is as the index gives it (RFC 3339), or empty. `size` is in bytes."""

    name: str
    digest: Digest
    size: int
    upload_time: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One version of a project, with the wheel that each platform selects."""

    name: str
    version: str
    wheels: tuple[tuple[Platform, Wheel], ...]
    dependencies: tuple[tuple[str, str], ...] = ()
    """Name and version of each package that this one needs."""

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

    def wheel_for(self, platform: Platform) -> Wheel | None:
        """Return the wheel that a platform selects."""
        return dict(self.wheels).get(platform)


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
class BaseImage:
    """The image of one platform that a registry has as a base.

    `manifest` and `config` are digests of documents. `env` has lines NAME=value. `has_workdir` tells whether the
    working directory that is asked for is there. Layers are in their order.
    """

    platform: Platform
    manifest: Digest
    config: Digest
    env: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    has_workdir: bool
    layers: tuple[Descriptor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(sorted(self.labels)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """What is below the virtual environment: Debian packages, or an image of a registry.

    `release` is the digest of the suite's InRelease and `date` its date; an image has a suite where Debian packages
    are put above it. `python` is the interpreter's full version. `image` is the reference that was asked for, `index`
    the digest that it had, and `system` the name and version of its operating system.
    """

    interpreter: str
    python: str
    libc_version: str
    suite: str = ""
    release: Digest | None = None
    date: str = ""
    packages: tuple[DebianPackage, ...] = ()
    system_packages: tuple[DebianPackage, ...] = ()
    image: str = ""
    index: Digest | None = None
    system: str = ""
    images: tuple[BaseImage, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(sorted(self.images, key=lambda each: each.platform)))
        object.__setattr__(self, "packages", tuple(sorted(self.packages)))
        object.__setattr__(self, "system_packages", tuple(sorted(self.system_packages)))

    @property
    def reference(self) -> str:
        """What a script would write to ask for this base."""
        return self.image or f"debian:{self.suite}"

    def image_for(self, platform: Platform) -> BaseImage | None:
        """Return the image of a platform, for a base that is one."""
        return next((each for each in self.images if each.platform == platform), None)

    @property
    def python_minor(self) -> str:
        """The interpreter's version as 3.N."""
        return ".".join(self.python.split(".")[:2])


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
    packages: tuple[Package, ...]
    roots: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "platforms", tuple(sorted(self.platforms)))
        object.__setattr__(self, "packages", tuple(sorted(self.packages, key=lambda package: package.key)))
        object.__setattr__(self, "roots", tuple(sorted(set(self.roots))))

    def wheels(self) -> tuple[Wheel, ...]:
        """Return the distinct wheels of all platforms, sorted by file name."""
        return tuple(sorted({wheel for package in self.packages for _, wheel in package.wheels}))


def settled(lock: Lock, previous: Lock | None) -> Lock:
    """Return a lock as it is to be written: the release moves only where something else does too.

    A previous lock of another format is to be given without a `version`: its text moves anyway.
    """
    if previous is None or not previous.version:
        return lock
    kept = replace(lock, version=previous.version)
    return kept if kept == previous else lock
