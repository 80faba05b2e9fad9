"""The metadata of a chosen wheel, which an index has as a file beside the wheel (PEP 658)."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from email.parser import HeaderParser
from pathlib import Path

from onedigest.digest import is_digest
from onedigest.errors import NetworkError
from onedigest.net.download import Client
from onedigest.store import Store
from onedigest.untrusted import MOST_TEXT

Metadata = Mapping[str, Sequence[str]]
"""The values of each field, by its name in small letters."""

_FIELDS = ("provides-extra", "requires-dist", "requires-python")
_FIRST = b"metadata-version:"
_MOST = 4 << 20
_MOST_VALUES = 10_000


def read_metadata(address: str, digest: str, client: Client, store: Store, index: str = "") -> Metadata | None:
    """Return what the wheel at an address says, None where that is not known without bringing all of it.

    `index` is the address of the index that lists it.
    """
    if is_digest(digest) and store.has(digest):
        return of_file(store.path(digest))
    if "://" not in address:
        return of_file(Path(address))
    try:
        data = client.get(_beside(address), most=_MOST, index=index)
    except NetworkError:
        return None
    # an index that does not know the ending may send the wheel, or a page
    return _parsed(data) if data.lstrip()[: len(_FIRST)].lower() == _FIRST else None


def _beside(address: str) -> str:
    """Return the address of a wheel's metadata: the ending is one of the path, and a query stays (PEP 658)."""
    place, question, query = address.partition("?")
    return f"{place}.metadata{question}{query}"


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
