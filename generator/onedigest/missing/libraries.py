"""The shared libraries that an image lacks: nothing in it has a name that an ELF file needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onedigest.missing.image_contents import ImageContents
from onedigest.platforms import Platform

_OF_THE_HOST = re.compile(r"lib(?:cuda|nvidia-.+|nvcuvid|nvoptix|cudadebugger)\.so(?:\..*)?")
"""What the driver of a graphics card brings: a container runtime puts it into containers that may use the card."""

_PLUGINS = re.compile(r"(?:.*/)?(?:plugins|qml|sqldrivers)/.*|.*plugin[^/]*|usr/lib/[^/]+-linux-gnu/[^/]+/.*")
"""Where Qt and Debian have what a program may load: most programs never load most of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingFile:
    """Something that an image lacks. `name` is that of a library, or the path of a program.

    `users` are what needs it, each with one of its files, and `platforms` those where it is so. What only plugins need
    is `optional`.
    """

    name: str
    users: Mapping[str, str]
    platforms: tuple[Platform, ...]
    optional: bool


def missing_libraries(images: Iterable[ImageContents]) -> list[MissingFile]:
    """Return the libraries that are missing, sorted by name; nobody asked for the files of a base."""
    found = []
    for contents in images:
        for each in contents.inputs:
            for path, machine, needed in each.facts.needs if each.asked else ():
                if machine == contents.platform.elf_machine:
                    names = {name.rpartition("/")[2] for name in needed} - contents.libraries
                    found += [
                        (name, each.label, path, contents.platform)
                        for name in names
                        if not _OF_THE_HOST.fullmatch(name)
                    ]
    return grouped(found)


def grouped(rows: Iterable[tuple[str, str, str, Platform]]) -> list[MissingFile]:
    """Return what is missing by its name, of rows of name, user, file and platform."""
    users: dict[str, dict[str, set[str]]] = {}
    platforms: dict[str, set[Platform]] = {}
    for name, label, path, platform in rows:
        users.setdefault(name, {}).setdefault(label, set()).add(path)
        platforms.setdefault(name, set()).add(platform)
    return [
        MissingFile(
            name=name,
            users={label: min(paths, key=_order) for label, paths in sorted(labels.items())},
            platforms=tuple(sorted(platforms[name])),
            optional=all(_PLUGINS.fullmatch(path) for paths in labels.values() for path in paths),
        )
        for name, labels in sorted(users.items())
    ]


def _order(path: str) -> tuple[bool, int, str]:
    """Let what is loaded at once come before plugins, and what is near before what is deep down."""
    return bool(_PLUGINS.fullmatch(path)), path.count("/"), path
