"""The sources of a base's standard library that have no bytecode, and the folders above it as the base has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from onedigest.assembler.bytecode_layer import MOST_SOURCE
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import HIGHEST_ID, Entry
from onedigest.assembler.places import folders_above
from onedigest.assembler.spool import Spool
from onedigest.bytecode.base_files import row_of
from onedigest.bytecode.sources import Source, source_of
from onedigest.bytecode_path import bytecode_path
from onedigest.errors import InputError
from onedigest.lock.base.probe import EXAMINER
from onedigest.lock.base.standard_library import source_member, uncompiled_sources
from onedigest.oci.rootfs import Member, Rootfs, read_rootfs
from onedigest.oci.tar_members import Content, TarMember
from onedigest.oci.wanted_members import read_wanted
from onedigest.store import Store

MOST_BYTES = 1 << 30
"""What the sources of a library may hold together."""

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class LibraryFiles:
    """What the bytecode of a library is made of: sources, and by their paths the folders that are above it."""

    sources: Sequence[Source]
    folders: Mapping[str, Entry]


def library_of_image(layers: Sequence[Descriptor], library: str, python: str, store: Store) -> LibraryFiles:
    """Return what has no bytecode in the library of an image, whose layers are in the store, from below to above.

    Raises `InputError` for more than a library has.
    """
    blobs = [(each, store.path(each.digest)) for each in layers]
    rootfs = read_rootfs(blobs, EXAMINER, store)
    paths = _sources(rootfs, library, python)
    folders = _folders(rootfs, paths, python)
    wanted: dict[Member, list[str]] = {}
    for path, member in (*paths.items(), *folders.items()):
        if member:
            wanted.setdefault(member, []).append(path)
    found = _implied(folders) | dict(_entries(read_wanted(blobs, wanted), wanted, library))
    return _library_files(found, paths, folders, python)


def library_of_packages(entries: Sequence[Entry], library: str, python: str) -> LibraryFiles:
    """Return what has no bytecode in the library that packages of Debian bring, of which these are the files.

    Folders above the library are plainly root's (docs/formats/layers.md, section 7). Raises `InputError` as above.
    """
    rootfs = Rootfs([list(map(row_of, entries))])
    paths = _sources(rootfs, library, python)
    folders = _folders(rootfs, paths, python)
    found = {
        path: replace(entries[member.number], path=path)
        for path, member in (*paths.items(), *folders.items())
        if member and f"{path}/".startswith(f"{library[1:]}/")
    }
    return _library_files(_implied(folders) | found, paths, folders, python)


def _sources(rootfs: Rootfs, library: str, python: str) -> dict[str, Member]:
    """Return the sources without bytecode by their paths, sorted, with the members that have their content."""
    paths = sorted(uncompiled_sources(rootfs, library, python))
    return {path: member for path in paths if (member := source_member(rootfs, path, library))}


def _folders(rootfs: Rootfs, paths: Iterable[str], python: str) -> dict[str, Member | None]:
    """Return the folders above bytecode that are there; None for one of which no layer says more than that."""
    above = sorted({each for path in paths for each in _above(path, python)})
    return {path: rootfs.member(path) for path in above if rootfs.plain(path)}


def _implied(folders: Iterable[str]) -> dict[str, Entry]:
    """Return folders as they are where nothing is said of them."""
    return {path: Entry(path, "dir", 0o755) for path in folders}


def _entries(
    members: Iterable[tuple[Member, TarMember]], wanted: Mapping[Member, Sequence[str]], library: str
) -> Iterator[tuple[str, Entry]]:
    spool, left = Spool(), MOST_BYTES
    for place, member in members:
        entry = Entry("", member.kind, member.mode, uid=member.owner, gid=member.group)
        if member.stored != member.size:  # it has holes, which no source has
            continue
        if member.kind == "file":
            kept = min(member.size, MOST_SOURCE + 1)  # what is larger is not compiled
            left -= kept
            if left < 0:
                hint = "`bytecode = false` builds the image without compiled files"
                raise InputError.of(f"the standard library {library} has more than {MOST_BYTES} bytes", hint=hint)
            content, digest = spool.keep(_pieces(member.content, kept), kept)
            entry = replace(entry, size=member.size, content=content, digest=digest)
        yield from ((path, replace(entry, path=path)) for path in wanted[place])


def _pieces(content: Content, size: int) -> Iterator[bytes]:
    while size and (piece := content.read(min(_PIECE, size))):
        size -= len(piece)
        yield piece


def _library_files(
    found: Mapping[str, Entry], paths: Iterable[str], folders: Iterable[str], python: str
) -> LibraryFiles:
    """Put together what was found, without what is in a folder that no layer of ours can have as it is."""
    known = {path: found[path] for path in folders if _is_fit(found[path])}
    unfit = {path for path in folders if path not in known}
    entries = [each for path in paths if (each := found.get(path)) and each.kind == "file"]
    return LibraryFiles([source_of(each) for each in entries if unfit.isdisjoint(_above(each.path, python))], known)


def _is_fit(folder: Entry) -> bool:
    """Tell whether a layer of ours has room for the numbers of a folder's owners."""
    return 0 <= folder.uid <= HIGHEST_ID and 0 <= folder.gid <= HIGHEST_ID


def _above(path: str, python: str) -> list[str]:
    """Return the folders above the bytecode of a source, without leading slashes."""
    return [each[1:] for each in folders_above([f"/{bytecode_path(path, python)}"])]
