"""Knows how a layer that was encoded elsewhere is held against what it is made of."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.stream import Stream, write_tar

_PIECE = 1 << 20


def take_encoded(entries: Iterable[Entry], archive: Path, output: Path) -> Descriptor:
    """Copy a gzip archive to `output` as the layer of these entries; return what it is known by.

    Its content must be the very tar of the entries, so that nothing but the encoding is taken on trust.
    Raises `Refused` (`encoded`).
    """
    found = _inflated_digest(archive)
    expected, _ = write_tar(entries)
    if found != expected:
        raise Refused("encoded", f"{archive.name}: its diff ID is {found}, but its packages give {expected}")
    shutil.copyfile(archive, output)
    with output.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return Descriptor(expected, digest, output.stat().st_size)


def _inflated_digest(archive: Path) -> str:
    plain = Stream()
    try:
        with gzip.open(archive) as file:
            while piece := file.read(_PIECE):
                plain.add(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Refused("encoded", f"{archive.name}: broken gzip stream ({error})") from None
    return plain.finish()
