"""The files and packages of a system, from which more files are made for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry


@dataclass(frozen=True, slots=True)
class System:
    """The files of a system so far by path, and the packages, sorted by name, that are put there.

    Files of an image that the packages are put above are among them, as far as its list tells.
    """

    files: Mapping[str, Entry]
    packages: tuple[Package, ...]
