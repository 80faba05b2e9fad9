"""The comparison of a layer that was encoded elsewhere with the files that it is made from."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.disk_file import open_file
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.stream import Stream, write_tar

_PIECE = 1 << 20
_GZIP = 31
_SLACK = 16 << 20
"""What another archive may hold more until it is given up; its diff ID says best that it is another."""


def take_encoded(entries: Iterable[Entry], archive: Path, output: Path) -> Descriptor:
    """Copy a gzip archive to `output` as the layer of these entries; return what it is known by.

    Its content must be the very tar of the entries, so that nothing but the encoding is taken on trust.
    Raises `Refused` (`encoded`).
    """
    expected, most = write_tar(entries)
    with open_file(archive) as given, output.open("wb") as file:
        copied, plain = Stream(file), Stream()
        # read once, so that what is copied is what was looked at
        for piece in inflated(copied.passed(iter(lambda: given.read(_PIECE), b"")), archive.name):
            plain.add(piece)
            most -= len(piece)
            if most < -_SLACK:
                raise Refused("encoded", f"{archive.name}: it holds more than its packages give")
        digest = copied.finish()
    found = plain.finish()
    if found != expected:
        raise Refused("encoded", f"{archive.name}: its diff ID is {found}, but its packages give {expected}")
    return Descriptor(expected, digest, copied.size)


def inflated(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the content of gzip members that follow each other, and nothing follows them."""
    stream, begun = zlib.decompressobj(_GZIP), False
    try:
        for given in pieces:
            waiting = given
            while waiting or begun:
                piece = stream.decompress(waiting, _PIECE)
                begun = True
                if piece:
                    yield piece
                waiting = stream.unconsumed_tail
                if stream.eof:
                    waiting = stream.unused_data
                    stream, begun = zlib.decompressobj(_GZIP), False
                elif not waiting and len(piece) < _PIECE:
                    break
    except zlib.error as error:
        raise Refused("encoded", f"{name}: broken gzip stream ({error})") from None
    if begun:
        raise Refused("encoded", f"{name}: broken gzip stream (it is cut off)")
