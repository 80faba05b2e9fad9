"""Knows how to read a suite of the Debian archive: signature, then index, each verified by what came before."""

from __future__ import annotations

import lzma
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

from onedigest.digest import Digest, hex_of, of_bytes
from onedigest.errors import NetworkError, Problem
from onedigest.inputs.debian.index import Index
from onedigest.inputs.debian.mirror import addresses, is_date
from onedigest.inputs.debian.signature import verified_text
from onedigest.inputs.download import Client, Wanted, download
from onedigest.inputs.store import Store

_FIELD = re.compile(r"(?m)^([A-Za-z-]+): (.*)$")
_LISTED = re.compile(r"(?m)^ ([0-9a-f]{64}) +(\d{1,15}) (\S{1,255})$", re.ASCII)
_RELEASE_BYTES = 8 << 20
_PACKED_BYTES = 128 << 20
_INDEX_BYTES = 1 << 30
"""Release files have 150 KiB, indexes 10 MiB, and 60 MiB unpacked."""
_MEMORY = 256 << 20
"""What unpacking may take; xz itself needs 65 MiB for its strongest setting."""
_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite as its signed release file describes it, with one index for each architecture."""

    name: str
    release: Digest
    date: str
    indexes: dict[str, Index]


class Archive:
    """The Debian archive as it is at one time: a suite is read once, so that all images of a command see the same."""

    def __init__(self, client: Client, store: Store, mirrors: tuple[str, ...]) -> None:
        self.mirrors = mirrors
        self._client = client
        self._store = store
        self._read: dict[tuple[str, tuple[str, ...]], Suite] = {}

    def read(self, suite: str, architectures: tuple[str, ...]) -> Suite:
        """Read a suite for some architectures, as `read_suite` does."""
        asked = (suite, architectures)
        if asked not in self._read:
            self._read[asked] = read_suite(self._client, self._store, self.mirrors, suite, architectures)
        return self._read[asked]


def read_suite(
    client: Client, store: Store, mirrors: tuple[str, ...], name: str, architectures: tuple[str, ...]
) -> Suite:
    """Read a suite's InRelease and its main indexes. Raises `NetworkError` unless each is what its parent says."""
    where = f"dists/{name}/InRelease"
    signed = _first(client, addresses(mirrors, where))
    if len(signed) > _RELEASE_BYTES:
        raise NetworkError.of(f"has {len(signed)} bytes; {_RELEASE_BYTES} are the most", where=where)
    release = read_release(verified_text(signed, where), where)
    if name not in (release.fields.get("Suite"), release.fields.get("Codename")):
        raise NetworkError.of(f"the release file is of {release.fields.get('Codename')}", where=where)
    files = [_index_file(name, release, each, mirrors) for each in architectures]
    download(client, store, [packed for packed, _ in files])
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda pair: _read_index(store, *pair), files)
        indexes = dict(zip(architectures, read, strict=True))
    return Suite(name=name, release=of_bytes(signed), date=release.date, indexes=indexes)


@dataclass(frozen=True, slots=True)
class Release:
    """What a release file states: its fields, and digest and size of each file by path."""

    where: str
    fields: dict[str, str]
    date: str
    files: dict[str, tuple[str, int]]

    def file(self, path: str, most: int) -> tuple[str, int]:
        """Return digest and size of a file. Raises `NetworkError`."""
        if path not in self.files:
            raise NetworkError.of(f"the release file does not list {path}", where=self.where)
        digest, size = self.files[path]
        if size > most:
            raise NetworkError.of(f"{path} has {size} bytes; {most} are the most", where=self.where)
        return digest, size


def read_release(text: str, where: str) -> Release:
    """Read a release file whose signature was verified. Raises `NetworkError`."""
    rows = _FIELD.findall(text)
    listed = _LISTED.findall(text)
    files = {path: (f"sha256:{digest}", int(size)) for digest, size, path in listed}
    fields = dict(rows)
    if len(fields) < len(rows) or len(files) < len(listed):
        raise NetworkError.of("the release file says something twice", where=where)
    date = fields.get("Date", "")
    if not is_date(date):
        raise NetworkError.of(f"the date of the release file is {date[:80]!r}, which is none", where=where)
    return Release(where, fields, date, files)


def _index_file(suite: str, release: Release, architecture: str, mirrors: tuple[str, ...]) -> tuple[Wanted, Wanted]:
    """Return the index of an architecture as it is brought, and as it is once it is unpacked."""
    path = f"main/binary-{architecture}/Packages"
    digest, size = release.file(f"{path}.xz", _PACKED_BYTES)
    folder = f"dists/{suite}/main/binary-{architecture}/by-hash/SHA256"
    urls = addresses(mirrors, f"{folder}/{hex_of(digest)}", release.date)
    unpacked = release.file(path, _INDEX_BYTES)
    return (
        Wanted(name=f"{path}.xz", digest=digest, size=size, urls=urls),
        Wanted(name=path, digest=unpacked[0], size=unpacked[1]),
    )


def _read_index(store: Store, packed: Wanted, unpacked: Wanted) -> Index:
    try:
        with store.path(packed.digest).open("rb") as file:
            data = _unpack(file, unpacked.size)
        if len(data) != unpacked.size or of_bytes(data) != unpacked.digest:
            raise NetworkError.of("is not what the release file says of it", where=unpacked.name)
        return Index(data.decode(), packed.name)
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise NetworkError.of(f"broken Debian package index: {error}", where=packed.name) from None


def _unpack(file: IO[bytes], most: int) -> bytes:
    """Return the content of an xz file, and one byte more where it has more than it may have."""
    found = bytearray()
    inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    while len(found) <= most and not inflater.eof:
        data = file.read(_PIECE) if inflater.needs_input else b""
        if not data and inflater.needs_input:
            raise EOFError("it ends too early")
        found += inflater.decompress(data, min(_PIECE, most + 1 - len(found)))
    return bytes(found)


def _first(client: Client, urls: tuple[str, ...]) -> bytes:
    problems: list[Problem] = []
    for url in urls:
        try:
            return client.get(url, most=_RELEASE_BYTES)
        except NetworkError as error:
            problems.extend(error.problems)
    raise NetworkError(problems)
