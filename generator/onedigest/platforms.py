"""Knows the platforms that images are built for, and what each ecosystem calls them: one table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OF_LINUX = re.compile(r"(?:linux|manylinux[12]|manylinux2010|manylinux2014|manylinux_\d+_\d+)_", re.ASCII)
"""What a platform tag of a wheel for glibc has before the machine (PEP 425, 513, 571, 599 and 600)."""


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """One row of the table."""

    oci: str
    """OCI image specification: operating system and architecture."""
    machine: str
    """`platform_machine` in markers (PEP 508), and the suffix of wheel tags (PEP 600)."""
    debian: str
    bazel: str
    nix: str
    oldest_manylinux: int
    """The oldest glibc 2.N that manylinux tags exist for on this machine."""
    elf_machine: int
    """`e_machine` of its shared objects (ELF specification)."""

    @property
    def architecture(self) -> str:
        """The OCI name of the architecture alone."""
        return self.oci.partition("/")[2]

    def has_tag(self, tag: str) -> bool:
        """Tell whether a platform tag of a wheel is one of this machine's, or of any: glibc is not looked at."""
        return tag == "any" or (
            tag.endswith(f"_{self.machine}") and bool(_OF_LINUX.fullmatch(tag[: -len(self.machine)]))
        )

    def __str__(self) -> str:
        return self.oci


AMD64 = Platform("linux/amd64", "x86_64", "amd64", "@platforms//cpu:x86_64", "x86_64-linux", 5, 62)
ARM64 = Platform("linux/arm64", "aarch64", "arm64", "@platforms//cpu:aarch64", "aarch64-linux", 17, 183)

ALL = (AMD64, ARM64)
BY_NAME = {platform.oci: platform for platform in ALL}


def marker_of(platforms: Iterable[Platform]) -> str:
    """Return the marker of what only some platforms need (PEP 508)."""
    return " or ".join(f"platform_machine == '{platform.machine}'" for platform in platforms)
