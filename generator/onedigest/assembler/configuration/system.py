"""Knows the files and packages of a system, which what is made for it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry


@dataclass(frozen=True, slots=True)
class System:
    """The files of a system so far by path, and the packages, sorted by name, that they came with.

    `below` are files of the image that all of them are put above: a file of `files` hides one of the same path there.
    """

    files: Mapping[str, Entry]
    packages: tuple[Package, ...]
    below: Mapping[str, Listed] = field(default_factory=dict)
