"""The package of a suite that has a file of a given name, from the Contents index of an architecture."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from onedigest.debian.archive import Archive
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import NetworkError
from onedigest.store import Store
from onedigest.untrusted import debian_name

_PACKED_BYTES = 256 << 20
_UNPACKED_BYTES = 4 << 30
"""Indexes have 12 MiB, and 500 MiB unpacked."""
_PIECE = 4 << 20
_LONGEST_LINE = 1 << 16
_MOST_ROWS = 10_000
_TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
_ANOTHER_KIND = re.compile(r".*-(?:dbg|dbgsym|dev|cross|udeb|doc)")


def packages_with(
    names: Collection[str], suite: str, architecture: str, archive: Archive, store: Store
) -> dict[str, str]:
    """Return the package that has each library, or each program by its path, of those that any has.

    The index is fetched once, and what was looked for in it is cached. Raises `NetworkError`.
    """
    path, digest = archive.fetch(suite, f"main/Contents-{architecture}.gz", _PACKED_BYTES)
    note = f"contents/{hex_of(digest)}/{hex_of(of_bytes(canonical_json(sorted(names))))}"
    if (known := store.read_note(note)) is not None:
        with suppress(ValueError):
            return {str(name): str(package) for name, package in json.loads(known).items()}
    found = _search(path, sorted(names), _TRIPLETS.get(architecture, architecture))
    store.write_note(note, canonical_json(found))
    return found


def _search(path: Path, names: Iterable[str], triplet: str) -> dict[str, str]:
    wanted = {name.encode(): name for name in names if "\n" not in name and " " not in name}
    if not wanted:
        return {}
    # what the linker finds by itself comes first, then folders below it, of which alternatives choose one
    folders = [f"usr/lib/{triplet}/", "usr/lib/", "usr/lib64/", "lib/", f"lib/{triplet}/"]
    ends = b"|".join(re.escape(name) for name in sorted(wanted, key=len, reverse=True))
    pattern = re.compile(rb"(?:^|(?<=[/\n]))(" + ends + rb")[ \t]+([^\n]+)\n")
    best: dict[str, tuple[tuple[object, ...], str]] = {}
    rows = 0
    for piece in _lines(path):
        for match in pattern.finditer(piece):
            rows += 1
            start = piece.rfind(b"\n", 0, match.start(1)) + 1
            name, folder = wanted[match[1]], piece[start : match.start(1)].decode("utf-8", "replace")
            order = _order(name, folder, folders)
            for owner in match[2].split(b",") if order is not None and rows < _MOST_ROWS else ():
                package = owner.rpartition(b"/")[2].decode("utf-8", "replace").strip()
                if _is_name(package):
                    key = (order, bool(_ANOTHER_KIND.fullmatch(package)), len(package), package)
                    best[name] = min(best.get(name, (key, package)), (key, package))
    return {name: package for name, (_, package) in sorted(best.items())}


def _order(name: str, folder: str, folders: list[str]) -> int | None:
    """Return how near a folder is to where something is looked for, None where nothing looks."""
    if "/" in name:
        return 0 if not folder else None
    if folder in folders:
        return folders.index(folder)
    return len(folders) if folder.startswith(folders[0]) and folder.count("/") == folders[0].count("/") + 1 else None


def _is_name(text: str) -> bool:
    try:
        debian_name(text)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> Iterator[bytes]:
    """Yield a gzip file in pieces that end with a line. Raises `NetworkError` for one that is broken or too large."""
    inflater, left, count = zlib.decompressobj(31), b"", 0
    try:
        with path.open("rb") as file:
            while data := file.read(_PIECE // 4):
                while data:
                    piece = inflater.decompress(data, _PIECE)
                    data = inflater.unconsumed_tail or inflater.unused_data
                    if inflater.eof and data:
                        inflater = zlib.decompressobj(31)
                    count += len(piece)
                    whole, end, rest = (left + piece).rpartition(b"\n")
                    if end:
                        yield whole + end
                    left = rest
                    if count > _UNPACKED_BYTES or len(left) > _LONGEST_LINE:
                        raise NetworkError.of("the index of Debian's files is too large", where=path.name)
    except zlib.error as error:
        raise NetworkError.of(f"broken index of Debian's files: {error}", where=path.name) from None
    if not inflater.eof:
        raise NetworkError.of("broken index of Debian's files: it ends too early", where=path.name)
    yield left + b"\n"
