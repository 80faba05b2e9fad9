"""Knows how to read a suite of the Debian archive: signature, then index, each verified by what came before."""

from __future__ import annotations

import lzma
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onedigest.digest import Digest, of_bytes
from onedigest.errors import NetworkError, Problem
from onedigest.inputs.debian.index import Index
from onedigest.inputs.debian.mirror import addresses
from onedigest.inputs.debian.signature import verified_text
from onedigest.inputs.download import Client, Wanted, download
from onedigest.inputs.store import Store

_FIELD = re.compile(r"(?m)^([A-Za-z-]+): (.*)$")
_INDEX_BYTES = 1 << 30


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
    signed = _first(client, addresses(mirrors, f"dists/{name}/InRelease"))
    text = verified_text(signed, f"dists/{name}/InRelease")
    fields = dict(_FIELD.findall(text))
    if name not in (fields.get("Suite"), fields.get("Codename")):
        raise NetworkError.of(f"the release file is of {fields.get('Codename')}", where=f"dists/{name}/InRelease")
    files = [_index_file(name, text, each, mirrors, fields["Date"]) for each in architectures]
    download(client, store, files)
    with ThreadPoolExecutor() as pool:
        indexes = dict(zip(architectures, pool.map(lambda file: _read_index(store, file), files), strict=True))
    return Suite(name=name, release=of_bytes(signed), date=fields["Date"], indexes=indexes)


def _index_file(suite: str, release: str, architecture: str, mirrors: tuple[str, ...], date: str) -> Wanted:
    path = f"main/binary-{architecture}/Packages.xz"
    match = re.search(rf"(?m)^ ([0-9a-f]{{64}}) +(\d+) {re.escape(path)}$", release)
    if not match:
        raise NetworkError.of(f"the release file does not list {path}", where=f"dists/{suite}/InRelease")
    folder = f"dists/{suite}/main/binary-{architecture}/by-hash/SHA256"
    urls = addresses(mirrors, f"{folder}/{match[1]}", date)
    return Wanted(name=path, digest=f"sha256:{match[1]}", size=int(match[2]), urls=urls)


def _read_index(store: Store, file: Wanted) -> Index:
    with lzma.open(store.path(file.digest)) as opened:
        data = opened.read(_INDEX_BYTES)
    return Index(data.decode(), file.name)


def _first(client: Client, urls: tuple[str, ...]) -> bytes:
    problems: list[Problem] = []
    for url in urls:
        try:
            return client.get(url)
        except NetworkError as error:
            problems.extend(error.problems)
    raise NetworkError(problems)
