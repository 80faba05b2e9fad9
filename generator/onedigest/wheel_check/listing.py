"""The files of a wheel that are in an image, by a note in the store where it was read before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from onedigest.assembler.entry import Entry
from onedigest.assembler.wheel_metadata import info_identity, is_of
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.formats import DRAFT
from onedigest.store import Store

_FORMAT = 1
"""Moves whenever a wheel would be noted otherwise; with the bytes of layers `DRAFT` does."""

Place = tuple[str, str]
"""The Python of an image, 3.N, and the path of its virtual environment from the root."""

Read = Callable[[Callable[[str], object]], Iterable[Entry]]
"""Reads a wheel, as `wheel_entries` does; it is given what takes the text of a warning. Raises `Refused`."""


class Listing(NamedTuple):
    """The files of a wheel, RECORD being the last, and what is odd about the wheel."""

    files: tuple[Entry, ...]
    odd: tuple[str, ...]


def list_wheel(store: Store, name: str, digest: str, place: Place, identity: tuple[str, str], read: Read) -> Listing:
    """Return the files of a wheel, by its file name and digest; `read` is called where they are not noted.

    `identity` is which project and version to expect. Raises `Refused`.
    """
    note = f"listings/{hex_of(of_bytes(canonical_json([_FORMAT, DRAFT, place, name, digest])))}"
    if (cached := store.read_note(note)) is not None:
        with suppress(ValueError, TypeError, KeyError, IndexError):
            found = _loads(cached)
            if is_of(info_identity(found.files[-1].path.rsplit("/", 2)[1]), identity):
                return found
    odd: list[str] = []
    files = tuple(_without_content(entry) for entry in read(odd.append))
    store.write_note(note, _dumps(Listing(files, tuple(odd))))
    return Listing(files, tuple(odd))


def _without_content(entry: Entry) -> Entry:
    """Return an entry that keeps no wheel open."""
    return Entry(entry.path, entry.kind, entry.mode, entry.size, target=entry.target, digest=entry.digest)


def _dumps(listing: Listing) -> bytes:
    files = [[each.path, each.kind, each.mode, each.size, each.target, each.digest] for each in listing.files]
    return canonical_json({"files": files, "odd": listing.odd})


def _loads(text: bytes) -> Listing:
    cached = json.loads(text)
    files = (
        Entry(path, kind, mode, size, target=target, digest=digest)
        for path, kind, mode, size, target, digest in cached["files"]
    )
    return Listing(tuple(files), tuple(cached["odd"]))
