"""The interface of a base, which is what an image has below its virtual environment; each kind is a class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from onedigest import untrusted
from onedigest.assembler.descriptor import Descriptor
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.formats import VENV
from onedigest.lock.base.choice import SYSTEMS, python_minor
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.packages import DebianPackage, Release, packages_text, read_packages
from onedigest.lock.table import Table
from onedigest.lock.toml import string
from onedigest.oci.reference import Reference
from onedigest.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Base(ABC):
    """What every base has, and what is asked of it; outside of here `plan/arrange.py` alone tells the kinds apart.

    `python` is the interpreter's full version. `system_packages` are the Debian packages that are put above for what a
    script asks for, `essential_packages` those below them that Debian's packages take for granted (Debian Policy,
    section 3.8). `releases` are those that the packages of Debian are of, the main suite's first. `venv` is the path,
    from the root, of the virtual environment above it.
    """

    interpreter: str
    python: str
    libc_version: str
    system_packages: tuple[DebianPackage, ...] = ()
    essential_packages: tuple[DebianPackage, ...] = ()
    releases: tuple[Release, ...] = ()
    venv: str = VENV

    def __post_init__(self) -> None:
        object.__setattr__(self, "system_packages", tuple(sorted(self.system_packages)))
        object.__setattr__(self, "essential_packages", tuple(sorted(self.essential_packages)))
        object.__setattr__(self, "releases", tuple(sorted(self.releases)))

    @property
    @abstractmethod
    def reference(self) -> str:
        """What a script would write to ask for this base."""

    @abstractmethod
    def others(self, spec: Spec) -> Iterator[str]:
        """Yield what it has otherwise than a spec asks for."""

    @abstractmethod
    def to_toml(self, platforms: Sequence[Platform]) -> str:
        """Return what a lock says of it, below the head of the table; `platforms` are those of the lock."""

    @property
    def python_minor(self) -> str:
        """The interpreter's version as 3.N."""
        return python_minor(self.python)

    @property
    def debian_packages(self) -> tuple[DebianPackage, ...]:
        """All Debian packages that it pins."""
        return (*self.essential_packages, *self.system_packages)

    @property
    def suite(self) -> str:
        """The main suite of its Debian packages; nothing where it has none."""
        return self.releases[0].suite if self.releases else ""

    @property
    def system_suite(self) -> str:
        """The suite of Debian that its own files are of; nothing where it is of another system."""
        return self.suite

    @property
    def operating_system(self) -> str:
        """Name and version of the system that its own files are of, as its os-release has them."""
        return SYSTEMS.get(self.suite, "debian")

    @property
    def has_security(self) -> bool:
        """Whether the security archive was among those that its Debian packages were chosen from."""
        return any(each.suite == f"{self.suite}-security" for each in self.releases)

    @property
    def origin(self) -> Reference | None:
        """The image of a registry that it is, by its digest."""
        return None

    @property
    def looked_up(self) -> tuple[str, ...]:
        """The keys for whose values its files were looked at: for other values they have to be looked at again."""
        return ()

    @abstractmethod
    def home(self, user: str, platform: Platform) -> str:
        """Return the home of a user, UID:GID, who may write to it; nothing where that is not known."""

    def origin_of(self, platform: Platform) -> Reference | None:  # noqa: ARG002  a base of packages has none
        """Return the image of one platform, by its digest."""
        return None

    def published(self, package: DebianPackage) -> tuple[str, str]:
        """Return the suite that has one of its Debian packages, and the date of a release that had it."""
        suite = package.suite or self.suite
        return suite, package.date or next((each.date for each in self.releases if each.suite == suite), "")

    def layers(self, platform: Platform) -> tuple[Descriptor, ...]:  # noqa: ARG002  as above
        """Return the layers that stay byte for byte as they are, from below to above."""
        return ()

    def variables(self, platform: Platform) -> dict[str, str]:  # noqa: ARG002  as above
        """Return the variables that it sets."""
        return {}

    def labels(self, platform: Platform) -> dict[str, str]:  # noqa: ARG002  as above
        """Return its labels."""
        return {}

    def library(self, platform: Platform) -> str:  # noqa: ARG002  as above
        """Return the folder of its standard library, if files in it have no bytecode; nothing where all have it."""
        return ""

    def file_list(self, platform: Platform) -> FileList | None:  # noqa: ARG002  as above
        """Return the list of its files, where what is made above depends on it."""
        return None

    def materials(self) -> tuple[tuple[str, Digest], ...]:
        """Return name and digest of everything that it is made from."""
        return tuple((each.file_name, each.digest) for each in self.debian_packages)

    def documents(self) -> tuple[Digest, ...]:
        """Return the digests of documents that say what it is."""
        return ()


def python_text(base: Base) -> str:
    """Return the lines that every base has first."""
    return (
        f"interpreter = {string(base.interpreter)}\n"
        f"python = {string(base.python)}\n"
        'libc = "glibc"\n'
        f"libc-version = {string(base.libc_version)}\n"
    )


def system_packages_text(base: Base, platforms: Sequence[Platform]) -> str:
    """Return the arrays of the packages above a base."""
    essential = packages_text("essential-packages", base.essential_packages, platforms)
    return (essential if base.essential_packages else "") + packages_text(
        "system-packages", base.system_packages, platforms
    )


def read_common(table: Table, releases: Sequence[Release], platforms: Sequence[Platform]) -> dict[str, Any]:
    """Read the fields that every base has, but for its Python, which tells what the whole lock is for."""
    table.constant("libc", "glibc")
    return {
        "releases": tuple(releases),
        "interpreter": table.take("interpreter", untrusted.absolute_path),
        "libc_version": table.take("libc-version", untrusted.libc_version),
        "system_packages": read_packages(table, "system-packages", releases, platforms),
        "essential_packages": read_packages(table, "essential-packages", releases, platforms)
        if "essential-packages" in table
        else (),
    }
