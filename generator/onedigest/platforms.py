"""The platforms that images are built for, and what each ecosystem calls them: one table."""

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

_ARCHITECTURES = {
    **dict.fromkeys(("x86_64", "x86-64"), ("amd64", "")),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
"""Other names of architectures, with the variant that they mean (containerd's `platforms`, database.go)."""

_USUAL_VARIANTS = {
    "amd64": frozenset({"", "v1"}),
    "arm64": frozenset({"", "8", "v8", "v8.0"}),
}
"""Of an architecture, how its plain variant is written, which canonical names leave out."""

_SYSTEM = "linux"
_LONGEST = 3


def canonical(system: str, architecture: str, variant: str = "") -> str:
    """Return the one name of a platform as images state it: `os/architecture`, with an unusual variant after it.

    A system that is not stated is Linux (containerd's `platforms`, normalizeOS on Linux).
    """
    system, stated, variant = system.lower() or _SYSTEM, architecture.lower(), variant.lower()
    architecture, implied = _ARCHITECTURES.get(stated, (stated, ""))
    variant = implied or variant
    if architecture == "arm":
        variant = f"v{variant.removeprefix('v') or 7}"
    if architecture == "386" or variant in _USUAL_VARIANTS.get(architecture, ("",)):
        variant = ""
    return "/".join(filter(None, (system, architecture, variant)))


def canonical_name(text: str) -> str:
    """Return the canonical name of a platform that somebody wrote: `arm64`, `x86_64` or `linux/arm64/v8`.

    The system may be left out. Nothing is returned for what has not the form of a platform.
    """
    parts = text.strip().lower().split("/")
    has_system = len(parts) > 1 and canonical("", parts[0]) not in BY_NAME
    system, *others = parts if has_system else (_SYSTEM, *parts)
    return canonical(system, *others) if system and all(others) and 0 < len(others) < _LONGEST else ""


def is_variant(text: str) -> bool:
    """Tell whether what somebody wrote means an unusual variant of a platform that is known."""
    name, _, variant = canonical_name(text).rpartition("/")
    return bool(variant) and name in BY_NAME


def split(text: str) -> list[str]:
    """Return the names in a list with commas, each as it was written."""
    return [name.strip() for name in text.split(",") if name.strip()]


def marker_of(platforms: Iterable[Platform]) -> str:
    """Return the marker of what only some platforms need (PEP 508)."""
    return " or ".join(f"platform_machine == '{platform.machine}'" for platform in platforms)
