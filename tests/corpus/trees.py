"""Knows the files that wheels give, as this project, uv and pip have them, in a form in which they can be compared.

What differs by design is left out or made alike here, and nowhere else:

- RECORD, INSTALLER, REQUESTED and direct_url.json are each installer's own, and signatures of RECORD are of another one;
- compiled files of `__pycache__` are left out of images;
- a launcher has each installer's own text, which calls the same function;
- a script that begins with `#!python` begins with the path of the environment.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onedigest.assembler.entry import Entry

Tree = dict[str, str]
"""What is at each path below an environment, in words: content or function, and whether it can be executed."""

_OWN = {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_LAUNCHER_BYTES = 1000
_FUNCTION = re.compile(rb"^from ([\w.]+) import (\w+)", re.MULTILINE)
_ENVIRONMENT = re.compile(rb"#!/\S*/bin/python[0-9.]*\n")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that was read once: its size, its digests as RECORD states them, and what a tree says of it."""

    size: int
    digests: frozenset[str]
    said: str


def look(path: str, mode: int, pieces: Iterable[bytes], *algorithms: str) -> Looked:
    """Read the file at `path` below an environment."""
    hashes = [hashlib.new(name) for name in {"sha256", *algorithms}]
    alike, size, start = hashlib.sha256(), 0, b""
    for piece in pieces:
        for each in hashes:
            each.update(piece)
        same = piece
        if not size:
            start = piece
            if path.startswith("bin/") and (line := _ENVIRONMENT.match(piece)):
                same = b"#!python\n" + piece[line.end() :]
        alike.update(same)
        size += len(piece)
    digests = frozenset(f"{each.name}={_encoded(each.digest())}" for each in hashes)
    said = _launched(path, start[:size], size) or f"content {alike.hexdigest()[:16]}"
    return Looked(size, digests, f"{said}{' (executable)' if mode & 0o100 else ''}")


def look_at_folder(folder: Path, paths: Iterable[str]) -> Tree:
    """Return what these files of a folder are."""
    found = {path: folder / path for path in sorted(paths) if not is_own(path)}
    return {path: look(path, file.stat().st_mode, _pieces(file)).said for path, file in found.items()}


def pieces_of(entry: Entry) -> Iterable[bytes]:
    """Return the content of an entry."""
    return [entry.content] if isinstance(entry.content, bytes) else entry.content.pieces()


def is_own(path: str) -> bool:
    """Tell whether the file at a path is each installer's own."""
    folders, _, name = path.rpartition("/")
    return "__pycache__" in folders.split("/") or (folders.endswith(".dist-info") and name in _OWN)


def false_rows(files: Mapping[str, Looked], record: str, text: str) -> list[str]:
    """Return what is not true of the RECORD at the path `record`, which has this text."""
    site = record.rsplit("/", 2)[0]
    wrong = []
    for name, digest, size in csv.reader(io.StringIO(text, newline="")):
        path = _joined(site, name)
        file = files.get(path)
        if file is None:
            wrong.append(f"{name} is not there")
        elif path != record and (digest not in file.digests or size != str(file.size)):
            wrong.append(f"{name} has another content")
    return wrong


def _launched(path: str, content: bytes, size: int) -> str:
    if not path.startswith("bin/") or size > _LAUNCHER_BYTES or not _ENVIRONMENT.match(content):
        return ""
    functions = _FUNCTION.findall(content)
    if len(functions) != 1 or b"sys.exit(" not in content:
        return ""
    module, function = functions[0]
    return f"launcher of {module.decode()}:{function.decode()}"


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _joined(site: str, path: str) -> str:
    while path.startswith("../"):
        site, path = site.rpartition("/")[0], path.removeprefix("../")
    return f"{site}/{path}".removeprefix("/")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
