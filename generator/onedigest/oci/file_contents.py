"""The contents of some files of an image, out of the layers that have them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence

from onedigest.assembler.descriptor import Descriptor
from onedigest.errors import InputError
from onedigest.oci.compression import InflatedStream, most_inflated
from onedigest.oci.media import LAYERS
from onedigest.oci.rootfs import Blob, Examiner, Readable, cached_rows
from onedigest.oci.tar_members import read_members
from onedigest.store import Store

_MOST_READINGS = 8
"""Times that a layer is read for hard links, each of which may name a file before it."""


def read_contents(
    layers: Sequence[tuple[Descriptor, Blob]], paths: Iterable[str], most: int, examiner: Examiner, store: Store
) -> dict[str, bytes]:
    """Return the contents of files by their real paths, each as the topmost layer that brings it has it.

    Layers of which it is known that they bring none are not read. A path that no layer brings is left out. Raises
    `InputError` where the contents have more than `most` bytes together.
    """
    wanted = set(paths)
    found: dict[str, bytes] = {}
    for descriptor, blob in reversed(layers):
        rows = cached_rows(descriptor, examiner, store) if wanted else None
        if wanted and (rows is None or any(row[0] in wanted for row in rows)):
            left = most - sum(map(len, found.values()))
            found |= _read_layer(descriptor, blob, wanted, left)
            wanted -= found.keys()
    return found


def _read_layer(descriptor: Descriptor, blob: Blob, wanted: Collection[str], most: int) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for _ in range(_MOST_READINGS):
        asked = {*wanted, *links.values()}
        with blob.open("rb") as file:
            stream = InflatedStream(file, LAYERS[descriptor.media_type], most_inflated(descriptor.size))
            for member in read_members(stream):
                path = _path(member.name)
                if path in asked and member.kind == "hardlink":
                    links[path] = _path(member.target)
                elif path in asked and member.kind == "file":
                    links.pop(path, None)
                    contents.pop(path, None)
                    contents[path] = _whole(member.content, most - sum(map(len, contents.values())))
        if {*wanted, *links.values()} == asked:
            break
    return {path: data for path in wanted if (data := contents.get(_end(links, path))) is not None}


def _end(links: dict[str, str], path: str) -> str:
    for _ in range(_MOST_READINGS):
        path = links.get(path, path)
    return path


def _whole(content: Readable, most: int) -> bytes:
    data = content.read(most + 1)
    if len(data) > most:
        raise InputError.of("the files that are needed of it are too large")
    return data


def _path(name: str) -> str:
    plain = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return posixpath.normpath("/" + plain).lstrip("/")
