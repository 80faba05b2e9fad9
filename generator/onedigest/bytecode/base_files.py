"""The files of a base as two kinds of archives have them: locked Debian packages, or the layers of an image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler import deb
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.errors import InputError
from onedigest.lock.base.probe import EXAMINER
from onedigest.oci.rootfs import Member, Rootfs, Row, read_rootfs
from onedigest.oci.wanted_members import read_wanted
from onedigest.store import Store

MOST = 512 << 20
"""Bytes that are read of a base, of all its files together."""

_MOST_LINKS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseFiles:
    """Where the files of a base are, and `read`, which returns the contents of some by their real paths."""

    rootfs: Rootfs
    read: Callable[[Collection[str]], Mapping[str, bytes]]


def files_of_packages(paths: Iterable[Path]) -> BaseFiles:
    """Read Debian packages. Raises `InputError`."""
    try:
        entries = {entry.path: entry for path in paths for entry in deb.read(path).entries}
    except Refused as error:
        raise InputError.of(error.reason) from None
    merged: list[Row] = [[name, "link", 0o777, 0, f"usr/{name}", None] for name in deb.MERGED]
    rows = list(map(row_of, entries.values()))
    links = [row for row in rows if row[1] == "hardlink"]
    # of a hard link to a later file nothing would be known
    rootfs = Rootfs([[*merged, *(row for row in rows if row[1] != "hardlink"), *links]])
    return BaseFiles(rootfs=rootfs, read=lambda wanted: dict(_contents(entries, wanted)))


def row_of(entry: Entry) -> Row:
    """Return an entry as a row of a root file system, of which nothing but its place is looked at."""
    return [entry.path, entry.kind, entry.mode, entry.uid, entry.target, None]


def _contents(entries: Mapping[str, Entry], wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    left = MOST
    for path in wanted:
        entry = entries.get(path)
        for _ in range(_MOST_LINKS):
            entry = entries.get(entry.target) if entry and entry.kind == "hardlink" else entry
        if entry and entry.kind == "file":
            left = _left(left, entry.size)
            yield path, entry.content if isinstance(entry.content, bytes) else b"".join(entry.content.pieces())


def files_of_layers(layers: Sequence[tuple[Descriptor, Path]], store: Store) -> BaseFiles:
    """Read the layers of an image, from below to above. Raises `InputError`."""
    rootfs = read_rootfs(layers, EXAMINER, store)
    return BaseFiles(rootfs=rootfs, read=lambda wanted: _of_members(layers, rootfs, wanted))


def _of_members(layers: Sequence[tuple[Descriptor, Path]], rootfs: Rootfs, wanted: Iterable[str]) -> dict[str, bytes]:
    paths: dict[Member, list[str]] = {}
    for path in wanted:
        if member := rootfs.member(path):
            paths.setdefault(member, []).append(path)
    found: dict[str, bytes] = {}
    left = MOST
    for member, file in read_wanted(layers, paths):
        if file.kind == "file" and file.stored == file.size:  # one with holes is no program
            left = _left(left, file.size)
            found |= dict.fromkeys(paths[member], file.content.read(file.size))
    return found


def _left(left: int, size: int) -> int:
    if size > left:
        raise InputError.of("the files that are needed of it are too large")
    return left - size
