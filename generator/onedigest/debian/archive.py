"""A suite of Debian and its updates: signatures, then indexes, each verified by what came before."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, TypeVar

from onedigest.debian.index import Candidates, Index
from onedigest.debian.mirror import SECURITY_VARIABLE, Mirrors, addresses
from onedigest.debian.release import MOST_BYTES, ReleaseFile, read_release, refuse_untimely
from onedigest.digest import Digest, hex_of, of_bytes
from onedigest.errors import NetworkError, Problem
from onedigest.net.connection import shown
from onedigest.net.download import Client, Download, download
from onedigest.store import Store

_PACKED_BYTES = 128 << 20
_INDEX_BYTES = 1 << 30
"""Indexes have 10 MiB, and 60 MiB unpacked."""
_MEMORY = 256 << 20
"""What unpacking may take; xz itself needs 65 MiB for its strongest setting."""
_PIECE = 1 << 20

_WITHOUT_SECURITY = (
    f"set {SECURITY_VARIABLE} to the address of a mirror that has it; `security = false` in [tool.onedigest] goes"
    " without security updates"
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite with its further ones, as their signed release files describe them, the main one first.

    `packages` has those of all of them together, for each architecture.
    """

    name: str
    releases: tuple[ReleaseFile, ...]
    packages: dict[str, Candidates]


class Archive:
    """Debian's archives as they are at one time: a suite is read once, so that all images of a command see the same.

    `now` tells the time, which release files are held against.
    """

    def __init__(self, client: Client, store: Store, mirrors: Mirrors, now: Callable[[], datetime]) -> None:
        self.mirrors = mirrors
        self._client = client
        self._store = store
        self._now = now
        self._releases: dict[str, ReleaseFile] = {}
        self._read: dict[tuple[str, tuple[str, ...], bool], Suite] = {}

    def read(self, suite: str, architectures: tuple[str, ...], *, security: bool) -> Suite:
        """Read a suite for some architectures, with its `-updates`, and its `-security` unless that is not wanted.

        Raises `NetworkError` unless each file is what its parent says, and what counts now.
        """
        asked = (suite, architectures, security)
        if asked not in self._read:
            names = (suite, f"{suite}-updates", *([f"{suite}-security"] if security else []))
            with ThreadPoolExecutor(len(names)) as pool:
                parts = _results([pool.submit(self._part, each, architectures) for each in names])
            self._read[asked] = Suite(
                name=suite,
                releases=tuple(release for release, _ in parts),
                packages={
                    each: Candidates([indexes[number] for _, indexes in parts])
                    for number, each in enumerate(architectures)
                },
            )
        return self._read[asked]

    def fetch(self, suite: str, path: str, most: int) -> tuple[Path, Digest]:
        """Fetch another file that the release file of a suite lists; return where it is, and its digest."""
        wanted = _wanted(self._release(suite), path, most, self.mirrors)
        download(self._client, self._store, [wanted])
        return self._store.path(wanted.digest), Digest(wanted.digest)

    def _part(self, suite: str, architectures: tuple[str, ...]) -> tuple[ReleaseFile, list[Index]]:
        """Read one suite by itself: its release file, and its index of each architecture."""
        release = self._release(suite)
        files = [_index_file(release, each, self.mirrors) for each in architectures]
        download(self._client, self._store, [packed for packed, _ in files])
        with ThreadPoolExecutor() as pool:
            return release, list(pool.map(lambda pair: _read_index(self._store, suite, *pair), files))

    def _release(self, suite: str) -> ReleaseFile:
        """Return the release file of a suite, which is read once."""
        if suite not in self._releases:
            self._releases[suite] = self._read_release(suite)
        return self._releases[suite]

    def _read_release(self, suite: str) -> ReleaseFile:
        """Return the release file of the first mirror that has one which counts: each may be late, or not Debian's."""
        problems: list[Problem] = []
        now = self._now()
        for url in addresses(self.mirrors, suite, [f"dists/{suite}/InRelease"]):
            try:
                release = read_release(self._client.get(url, most=MOST_BYTES), suite, shown(url), now)
                refuse_untimely(release, now, expires=not self._is_unchecked(url))
            except NetworkError as error:
                problems.extend(error.problems)
            else:
                return release
        raise NetworkError(problems)

    def _is_unchecked(self, url: str) -> bool:
        return any(url.startswith(f"{each}/") for each in self.mirrors.unchecked)


def _results(waiting: Sequence[Future[T]]) -> list[T]:
    """Return what was waited for: the main suite, its updates and, last if at all, its security archive.

    Raises the first error: what ails one suite mostly ails those after it. Where security alone fails, it can be left
    out.
    """
    main, updates, *security = waiting
    found = [main.result(), updates.result()]
    try:
        return [*found, *(each.result() for each in security)]
    except NetworkError as error:
        raise NetworkError(replace(each, hint=_WITHOUT_SECURITY) for each in error.problems) from None


def _index_file(release: ReleaseFile, architecture: str, mirrors: Mirrors) -> tuple[Download, Download]:
    """Return the index of an architecture as it is fetched, and as it is once it is unpacked."""
    path = f"main/binary-{architecture}/Packages"
    packed = _wanted(release, f"{path}.xz", _PACKED_BYTES, mirrors)
    digest, size = release.file(path, _INDEX_BYTES)
    return packed, Download(name=f"{release.suite}/{path}", digest=digest, size=size)


def _wanted(release: ReleaseFile, path: str, most: int, mirrors: Mirrors) -> Download:
    """Return a file of a suite as its release file lists it. Some mirrors have no folder of hashes."""
    digest, size = release.file(path, most)
    place = f"dists/{release.suite}/{path}"
    paths = [f"{place.rpartition('/')[0]}/by-hash/SHA256/{hex_of(digest)}", place]
    urls = addresses(mirrors, release.suite, paths, release.date)
    return Download(name=f"{release.suite}/{path}", digest=digest, size=size, urls=urls)


def _read_index(store: Store, suite: str, packed: Download, unpacked: Download) -> Index:
    try:
        with store.path(packed.digest).open("rb") as file:
            data = _unpack(file, unpacked.size)
        if len(data) != unpacked.size or of_bytes(data) != unpacked.digest:
            raise NetworkError.of("is not what the release file says of it", where=unpacked.name)
        return Index(data.decode(), packed.name, suite)
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
