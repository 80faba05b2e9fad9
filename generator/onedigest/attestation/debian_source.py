"""The source package that a .deb was built from, whose version may differ from the package's own."""

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
    """Return what the field Source of a .deb states; nothing where it has none."""
    field = _SOURCE.search(deb.read_control(path, path.name))
    return read_field(field[1].decode("utf-8", "replace")) if field else ()


def read_field(text: str) -> tuple[str, ...]:
    """Return what a field Source states: a name, or a name and a version; nothing where it is of no such form.

    The field is there where the name or the version is another one than the package's own, as for a rebuild of one
    architecture, whose version ends in +b1 (Debian Policy, section 5.6.1; deb-control(5)).
    """
    match = _STATED.fullmatch(text.strip())
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
