"""Debian packages as the files of a system, without running anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from onedigest.assembler import deb
from onedigest.assembler.entry import Entry, file_entry, layer_order
from onedigest.assembler.refusal import Refused
from onedigest.assembler.spool import Spool

STATUS = "var/lib/dpkg/status.d"
"""Where scanners look for the packages of an image without dpkg."""

_MADE = "base"


def debian_packages_layer(paths: Iterable[Path]) -> list[Entry]:
    """Return the files of further packages, for a layer above the base."""
    return ordered(unpacked(read_packages(paths)))


def read_packages(paths: Iterable[Path]) -> tuple[deb.Package, ...]:
    """Read packages; they come sorted by their names."""
    spool = Spool()
    return tuple(sorted((deb.read(path, spool) for path in paths), key=lambda package: package.name))


def unpacked(packages: Iterable[deb.Package]) -> dict[str, Entry]:
    """Return the files of packages by path, with what scanners read of each. Raises `Refused` (`conflict`)."""
    found: dict[str, Entry] = {}
    for package in packages:
        for entry in (*package.entries, *_status(package)):
            old = found.setdefault(entry.path, entry)
            if old is not entry and not _agree(old, entry):
                raise Refused(
                    "conflict", f"{old.origin} and {entry.origin}: both bring /{entry.path}, with different content"
                )
    return found


def _agree(old: Entry, new: Entry) -> bool:
    """Tell whether the first of two entries may stand for both: directories keep the mode of the first package."""
    if old.kind == new.kind == "dir":
        return True
    one, other = ((each.kind, each.digest, each.target, each.mode, each.uid, each.gid) for each in (old, new))
    return one == other


def _status(package: deb.Package) -> Iterator[Entry]:
    yield _text(f"{STATUS}/{package.name}", package.control.rstrip(b"\n") + b"\n")
    if package.md5sums:
        yield _text(f"{STATUS}/{package.name}.md5sums", package.md5sums)


def ordered(found: dict[str, Entry]) -> list[Entry]:
    """Return entries in layer order, with parents, and hard links that point to the first of their paths."""
    rebased = {**found, **{entry.path: entry for entry in _rebased(found)}}
    for path in list(rebased):
        folder = path.rpartition("/")[0]
        while folder and folder not in rebased:
            rebased[folder] = Entry(folder, "dir", 0o755, origin=_MADE)
            folder = folder.rpartition("/")[0]
        if folder and rebased[folder].kind != "dir":
            raise Refused("conflict", f"{rebased[path].origin}: /{path} lies below /{folder}, which is no directory")
    return sorted(rebased.values(), key=layer_order)


def _rebased(found: dict[str, Entry]) -> Iterator[Entry]:
    groups: dict[str, list[Entry]] = {}
    for entry in found.values():
        if entry.kind == "hardlink":
            groups.setdefault(entry.target, []).append(entry)
    for target, links in groups.items():
        original = found.get(target)
        if original is None or original.kind != "file":
            raise Refused("deb", f"{links[0].origin}: /{links[0].path} is a hard link to /{target}, which is no file")
        first, *others = sorted([original, *links], key=layer_order)
        yield replace(original, path=first.path)
        for entry in others:
            yield replace(original, path=entry.path, kind="hardlink", size=0, content=b"", target=first.path)


def _text(path: str, content: bytes) -> Entry:
    return file_entry(path, content, executable=False, origin=_MADE)
