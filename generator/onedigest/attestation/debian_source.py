"""Knows which source package a .deb was built of: a source's version may be another one than the package's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from onedigest import untrusted
from onedigest.assembler import deb

_SOURCE = re.compile(rb"(?im)^source:[ \t]*([^\n]*)$")
_STATED = re.compile(r"(\S+)(?:[ \t]+\(([^\s()]+)\))?")


@dataclass(frozen=True, slots=True)
class DebianSource:
    """A source package."""

    name: str
    version: str


def stated_in(path: Path) -> tuple[str, ...]:
    """Return what a .deb's field Source states: nothing, a name, or a name and a version.

    The field is there where the name or the version is another one than the package's own, as for a rebuild of one
    architecture, whose version ends in +b1 (Debian Policy, section 5.6.1; deb-control(5)). What is of no such form is
    passed over, as if the field were missing.
    """
    field = _SOURCE.search(deb.read_control(path, path.name))
    match = _STATED.fullmatch(field[1].decode("utf-8", "replace").strip()) if field else None
    if not match:
        return ()
    name, version = match[1], match[2]
    try:
        untrusted.debian_name(name)
        return (name, untrusted.debian_version(version)) if version else (name,)
    except ValueError:
        return ()


def source_of(name: str, version: str, stated: tuple[str, ...]) -> DebianSource:
    """Return the source of a package of this name and version, by what its file states."""
    return DebianSource(*stated, *(name, version)[len(stated) :])
