"""The paths that several wheels bring: the owner of each, and the RECORDs that follow (layers.md, section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import NamedTuple

from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.wheel_metadata import canonical_name, info_identity
from onedigest.assembler.wheel_record import new_record

Wheels = Mapping[str, Sequence[Entry]]
"""The files of several wheels, as `wheel_entries` gives them: RECORD is the last; by the wheels' file names."""


class Shared(NamedTuple):
    """A path that several wheels bring with different content, by their file names, and the one whose file stays."""

    path: str
    wheels: tuple[str, ...]
    winner: str


def shared_paths(wheels: Wheels) -> list[Shared]:
    """Return the paths that several wheels bring with different content, sorted.

    The wheel whose normalised project name is the last in order has the path: as if one was installed after another,
    in the order of these names. No content is read.
    """
    found = []
    for path, several in _brought(wheels).items():
        *_, winner = several
        if not all(_is_same(entry, several[winner]) for entry in several.values()):
            found.append(Shared(path, tuple(several), winner))
    return sorted(found)


class Clash(NamedTuple):
    """A path that is a file of one wheel and a directory of another, by their file names."""

    path: str
    wheels: tuple[str, str]

    def __str__(self) -> str:
        return f"{' and '.join(self.wheels)}: /{self.path} is a file and a directory"


def clashing_paths(wheels: Wheels) -> list[Clash]:
    """Return the paths that are a file of one wheel and a directory of another, each once, sorted."""
    files = {entry.path: name for name, entries in wheels.items() for entry in entries}
    found = {}
    for name, entries in wheels.items():
        for folder in _folders(entries):
            if files.get(folder, name) != name:
                found[folder] = Clash(folder, (files[folder], name))
    return sorted(found.values())


def sharing_wheels(wheels: Wheels) -> set[str]:
    """Return those that bring a path which another one brings: the `remedies` of these alone are those of all."""
    return {name for several in _brought(wheels).values() for name in several}


def settled(wheels: Wheels) -> Iterator[Entry]:
    """Yield the files of all wheels, each path once, with RECORDs that are true for them."""
    kept = _kept(wheels)
    for entries in wheels.values():
        for entry in entries[:-1]:
            if entry.path not in kept:
                yield entry
        yield _true_record(entries, kept) if _has_lost(entries, kept) else entries[-1]
    yield from kept.values()


def remedies(wheels: Wheels) -> list[Entry]:
    """Return the files that a layer above those of all wheels has to bring, however these are packed.

    They are what stays at shared paths, and the RECORDs of wheels that have another file there.
    """
    kept = _kept(wheels)
    return [*kept.values(), *(_true_record(each, kept) for each in wheels.values() if _has_lost(each, kept))]


def _kept(wheels: Wheels) -> dict[str, Entry]:
    """Return by path the file that stays, where it matters which one does.

    Of those that have its content the first one is taken, and the modes of all are or-ed.
    """
    found = {}
    for path, several in _brought(wheels).items():
        entries = list(several.values())
        same = [entry for entry in entries if _is_same(entry, entries[-1])]
        kept = replace(same[0], mode=reduce(or_, (entry.mode for entry in same)))
        if len(same) < len(entries) or any(entry.mode != kept.mode for entry in entries):
            found[path] = kept
    return found


def _is_same(entry: Entry, other: Entry) -> bool:
    return (entry.size, entry.digest) == (other.size, other.digest)


def _has_lost(entries: Sequence[Entry], kept: Mapping[str, Entry]) -> bool:
    """Tell whether a wheel has another file at a path than the one that stays."""
    return any(entry.path in kept and not _is_same(entry, kept[entry.path]) for entry in entries)


def _brought(wheels: Wheels) -> dict[str, dict[str, Entry]]:
    """Return by path who brings it, in the order of normalised names, where it is more than one."""
    found: dict[str, dict[str, Entry]] = {}
    for name in sorted(wheels, key=lambda name: _project(wheels[name])):
        for entry in wheels[name]:
            found.setdefault(entry.path, {})[name] = entry
    return {path: several for path, several in found.items() if len(several) > 1}


def _project(entries: Sequence[Entry]) -> str:
    """Return the normalised name of a wheel's project, which the folder of its RECORD has."""
    return canonical_name(info_identity(entries[-1].path.rsplit("/", 2)[1])[0])


def _true_record(entries: Sequence[Entry], kept: Mapping[str, Entry]) -> Entry:
    """Return the RECORD of a wheel, with what stays where another wheel has the same path."""
    *files, record = entries
    site, info, _ = record.path.rsplit("/", 2)
    rows = [kept.get(entry.path, entry) for entry in files]
    return file_entry(record.path, new_record(rows, site, info), executable=False, origin=record.origin)


def _folders(entries: Sequence[Entry]) -> set[str]:
    """Return all directories that files are in."""
    found: set[str] = set()
    for entry in entries:
        folder = entry.path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
