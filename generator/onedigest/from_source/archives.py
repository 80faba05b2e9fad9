"""Archives of source: their identity, which is a sha256, and their way to this machine."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from onedigest import untrusted
from onedigest.digest import of_bytes, of_file
from onedigest.errors import InputError
from onedigest.from_source.git_address import shown
from onedigest.from_source.model import BuiltFrom, Kind, Source

if TYPE_CHECKING:
    from onedigest.sources import Sources

MOST_ARCHIVE = 1 << 30
"""How many bytes an archive may have."""


def find_archive(source: Source, previous: BuiltFrom | None, sources: Sources, root: Path) -> BuiltFrom:
    """Return which archive a source is: that of `previous` as long as the same is asked for.

    A file of this machine is hashed; what is elsewhere is fetched where no digest is known. Raises `InputError` for one
    with another digest than is stated, and `NetworkError`.
    """
    is_elsewhere = "://" in source.place
    found = BuiltFrom(
        kind=Kind.ARCHIVE,
        path=_name(source),
        # the digest that an index states decides, else the address does
        reference=of_bytes(shown(source.place).encode()) if is_elsewhere and not source.digest else "",
        subdirectory=source.subdirectory,
    )
    if not is_elsewhere:
        place = _local(source, root)
        found = replace(found, digest=of_file(place), size=place.stat().st_size)
    elif previous and _is_same(source, previous, found):
        found = replace(found, digest=previous.digest, size=previous.size)
    elif source.digest and sources.store.has(source.digest):
        found = replace(found, digest=source.digest, size=sources.store.path(source.digest).stat().st_size)
    else:
        digest, size = sources.client.fetch_unknown(source.place, sources.store, most=MOST_ARCHIVE)
        found = replace(found, digest=digest, size=size)
    if source.digest not in ("", found.digest):
        message = (
            f"the archive {found.path} of `{source.name}` has the digest {found.digest}, and {source.digest} is stated"
        )
        raise InputError.of(message, where=source.where)
    return found


def unpack(source: Source, origin: BuiltFrom, sources: Sources, root: Path, target: Path) -> Path:
    """Unpack an archive into a new folder; return the folder of its source. Raises `InputError` and `NetworkError`."""
    from onedigest.from_source.unpack import unpack_file
    from onedigest.net.download import Download, download

    if "://" in source.place:
        wanted = Download(name=origin.path, digest=origin.digest, size=origin.size, urls=(source.place,))
        download(sources.client, sources.store, [wanted], sources.report)
        place = sources.store.path(origin.digest)
    else:
        place = _local(source, root)
    unpack_file(place, target, f"the archive {origin.path} of `{source.name}`", source.where)
    if of_file(place) != origin.digest:
        raise InputError.of(
            f"the archive {origin.path} of `{source.name}` changed while it was read", where=source.where
        )
    return top_of(target)


def top_of(folder: Path) -> Path:
    """Return the one folder that an archive has at its top, as source distributions do, else all of it."""
    inner = sorted(folder.iterdir())
    return inner[0] if len(inner) == 1 and inner[0].is_dir() and not inner[0].is_symlink() else folder


def _is_same(source: Source, previous: BuiltFrom, found: BuiltFrom) -> bool:
    if previous.kind is not Kind.ARCHIVE or previous.reference != found.reference or not previous.size:
        return False
    return source.digest in ("", previous.digest) and previous.path == found.path


def _name(source: Source) -> str:
    path = urlsplit(source.place).path if "://" in source.place else source.place
    try:
        return untrusted.file_name(unquote(posixpath.basename(path)))
    except ValueError:
        return f"{source.name}-source"


def _local(source: Source, root: Path) -> Path:
    """Return an archive on this machine. Raises `InputError` for one that a link in the repository leads out to."""
    place = Path(source.place)
    if place.absolute().is_relative_to(root) and not place.resolve().is_relative_to(root.resolve()):
        message = f"{source.stated} of `{source.name}` is a symbolic link that leaves the repository"
        raise InputError.of(message, where=source.where, hint="replace it by what it names")
    if not place.is_file():
        raise InputError.of(f"{source.stated} of `{source.name}` is no regular file", where=source.where)
    if place.stat().st_size > MOST_ARCHIVE:
        raise InputError.of(f"{source.stated} has more than {MOST_ARCHIVE} bytes", where=source.where)
    return place
