"""Knows what a wheel that was chosen says of itself: an index has it as a file beside the wheel (PEP 658)."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from email.parser import HeaderParser
from pathlib import Path

from onedigest.digest import is_digest
from onedigest.errors import NetworkError
from onedigest.inputs.download import Client
from onedigest.inputs.store import Store
from onedigest.untrusted import MOST_TEXT

Metadata = Mapping[str, Sequence[str]]
"""The values of each field, by its name in small letters."""

_FIELDS = ("provides-extra", "requires-dist", "requires-python")
_MOST = 4 << 20
_MOST_VALUES = 10_000


def read_metadata(address: str, digest: str, client: Client, store: Store) -> Metadata | None:
    """Return what the wheel at an address says, None where that is not known without bringing all of it."""
    if is_digest(digest) and store.has(digest):
        return of_file(store.path(digest))
    if "://" not in address:
        return of_file(Path(address))
    try:
        return _parsed(client.get(f"{address}.metadata", most=_MOST))
    except NetworkError:
        return None


def of_file(path: Path) -> Metadata | None:
    """Return what a wheel of this machine says, None where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                folder, _, name = info.filename.rpartition("/")
                if name == "METADATA" and folder.endswith(".dist-info") and "/" not in folder:
                    with archive.open(info) as file:
                        return _parsed(file.read(_MOST))
    except (
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ):
        pass  # what is wrong with it is said when it is unpacked
    return None


def _parsed(data: bytes) -> Metadata:
    text = data[: min(_MOST, MOST_TEXT)].decode("utf-8", "replace").partition("\n\n")[0]
    message = HeaderParser().parsestr(text)
    return {name: [str(each) for each in message.get_all(name, [])[:_MOST_VALUES]] for name in _FIELDS}
