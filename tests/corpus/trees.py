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
from pathlib import Path

from onedigest.assembler import VENV
from onedigest.assembler.entry import Entry

Tree = dict[str, str]
"""What is at each path below the environment, in words: content or function, and whether it can be executed."""

_OWN = {"RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_LAUNCHER_BYTES = 1000
_FUNCTION = re.compile(rb"^from ([\w.]+) import (\w+)", re.MULTILINE)
_ENVIRONMENT = re.compile(rb"#!/\S*/bin/python[0-9.]*\n")
_PIECE = 1 << 20


def layer_tree(entries: Iterable[Entry]) -> Tree:
    """Return the files of a layer of wheels."""
    files = {entry.path.removeprefix(f"{VENV}/"): entry for entry in entries if entry.kind == "file"}
    return {path: _described(path, pieces_of(entry), entry.mode) for path, entry in files.items() if not _is_own(path)}


def folder_tree(folder: Path, paths: Iterable[str]) -> Tree:
    """Return these files of a folder."""
    return {
        path: _described(path, _pieces(folder / path), (folder / path).stat().st_mode)
        for path in sorted(paths)
        if not _is_own(path)
    }


def pieces_of(entry: Entry) -> Iterable[bytes]:
    """Return the content of an entry."""
    return [entry.content] if isinstance(entry.content, bytes) else entry.content.pieces()


def false_rows(files: Mapping[str, Entry], record: str) -> list[str]:
    """Return what is not true of the RECORD at the path `record`."""
    site = record.rsplit("/", 2)[0]
    text = b"".join(pieces_of(files[record])).decode()
    wrong = []
    for name, digest, size in csv.reader(io.StringIO(text, newline="")):
        path = _joined(site, name)
        if path not in files:
            wrong.append(f"{name} is not there")
        elif path != record and (digest, size) != _recorded(files[path], digest.partition("=")[0]):
            wrong.append(f"{name} has another content")
    return wrong


def _recorded(entry: Entry, algorithm: str) -> tuple[str, str]:
    if algorithm not in ("sha256", "sha384", "sha512"):
        return "", ""
    size, digest = _measured(pieces_of(entry), algorithm)
    return f"{algorithm}={base64.urlsafe_b64encode(digest).decode().rstrip('=')}", str(size)


def _measured(pieces: Iterable[bytes], algorithm: str = "sha256") -> tuple[int, bytes]:
    size, found = 0, hashlib.new(algorithm)
    for piece in pieces:
        size += len(piece)
        found.update(piece)
    return size, found.digest()


def _joined(site: str, path: str) -> str:
    while path.startswith("../"):
        site, path = site.rpartition("/")[0], path.removeprefix("../")
    return f"{site}/{path}"


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _is_own(path: str) -> bool:
    *folders, name = path.split("/")
    return "__pycache__" in folders or (folders[-1:] != [] and folders[-1].endswith(".dist-info") and name in _OWN)


def _described(path: str, pieces: Iterable[bytes], mode: int) -> str:
    words = " (executable)" if mode & 0o100 else ""
    if path.startswith("bin/"):
        content = b"".join(pieces)
        line = _ENVIRONMENT.match(content)
        functions = _FUNCTION.findall(content)
        if line and len(functions) == 1 and b"sys.exit(" in content and len(content) <= _LAUNCHER_BYTES:
            module, function = functions[0]
            return f"launcher of {module.decode()}:{function.decode()}{words}"
        pieces = [b"#!python\n" + content[line.end() :] if line else content]
    size, digest = _measured(pieces)
    return f"{size} bytes, sha256 {digest.hex()[:16]}{words}"
