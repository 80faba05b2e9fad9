"""The base of Debian packages: a minimal root with Debian's own Python, unpacked without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onedigest.definition.spec import Spec
from onedigest.lock.base import Base, python_text, read_common, system_packages_text
from onedigest.lock.base.choice import SUITES, python_minor
from onedigest.lock.base.packages import DebianPackage, packages_text, read_packages, read_releases, releases_text
from onedigest.lock.table import Table
from onedigest.platforms import Platform

HOME = "/home/nonroot"
"""The home that the root has for its image's user, unless that is the superuser."""

ROOTS_HOME = "/root"


@dataclass(frozen=True, kw_only=True, slots=True)
class DebianBase(Base):
    """A root of Debian packages of one suite."""

    packages: tuple[DebianPackage, ...]

    def __post_init__(self) -> None:
        super(DebianBase, self).__post_init__()
        object.__setattr__(self, "packages", tuple(sorted(self.packages)))

    @property
    def reference(self) -> str:
        return f"debian:{self.suite}"

    @property
    def debian_packages(self) -> tuple[DebianPackage, ...]:
        return (*self.packages, *self.essential_packages, *self.system_packages)

    def library(self, platform: Platform) -> str:  # noqa: ARG002  one on all platforms
        return f"/usr/lib/python{self.python_minor}"

    def home(self, user: str, platform: Platform) -> str:  # noqa: ARG002  one on all platforms
        return HOME if int(user.partition(":")[0]) else ROOTS_HOME

    def others(self, spec: Spec) -> Iterator[str]:
        kind, _, named = spec.base.partition(":")
        if kind != "debian" or self.suite not in SUITES or named not in ("", self.suite):
            yield f"its base is {self.reference}, not {spec.base}"
        elif self.python_minor != python_minor(SUITES[self.suite]):
            yield f"its Python is {self.python}, and {self.reference} has {SUITES[self.suite]}"
        elif self.interpreter != f"/usr/bin/python{self.python_minor}":
            yield f"its interpreter is {self.interpreter}, and {self.reference} has /usr/bin/python{self.python_minor}"

    def to_toml(self, platforms: Sequence[Platform]) -> str:
        return (
            releases_text(self.releases)
            + python_text(self)
            + packages_text("packages", self.packages, platforms)
            + system_packages_text(self, platforms)
        )


def read_debian_base(table: Table, python: str, platforms: Sequence[Platform]) -> DebianBase:
    """Read what a lock says of a base of Debian packages. Raises `Wrong`."""
    releases = read_releases(table)
    packages = read_packages(table, "packages", releases, platforms)
    if not packages:
        raise table.wrong("packages", "is empty")
    return DebianBase(packages=packages, python=python, **read_common(table, releases, platforms))
