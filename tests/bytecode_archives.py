"""Archives of bytecode as engines take them, made by hand: right ones, and those of which something is wrong."""

from __future__ import annotations

import _imp
import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

from onedigest.assembler import stream, tar
from onedigest.assembler.entry import Entry, file_entry, merge

MAGIC = b"\xa7\r\r\n"
"""That of CPython 3.11, whose files are called so here."""


def bytecode_of(text: bytes, *, flags: int = 1, code: bytes = b"\xe3code") -> bytes:
    """Return bytecode that knows its source by a hash (PEP 552), and of which nobody reads the code."""
    hashed = _imp.source_hash(int.from_bytes(MAGIC, "little"), text)
    return MAGIC + flags.to_bytes(4, "little") + hashed + code


def pyc(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"


def entries_of(texts: Mapping[str, bytes], *, flags: int = 1) -> list[Entry]:
    """Return the entries of the bytecode of sources at some paths."""
    return merge(
        file_entry(pyc(path), bytecode_of(text, flags=flags), executable=False, origin="")
        for path, text in texts.items()
    )


def write_archive(path: Path, entries: Iterable[Entry]) -> Path:
    return write_blocks(path, b"".join(stream.tar_pieces(entries)))


def write_blocks(path: Path, blocks: bytes) -> Path:
    path.write_bytes(gzip.compress(blocks, 6, mtime=0))
    return path


def member(path: str, content: bytes = b"", *, kind: str = "file", mode: int = 0o644, target: str = "") -> bytes:
    """Return the blocks of one entry, whatever it is."""
    made = Entry(path, kind, mode, len(content), content, target=target)
    return tar.header(made) + content + tar.padding(len(content))
