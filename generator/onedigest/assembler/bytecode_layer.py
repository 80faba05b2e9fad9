"""The layer of bytecode that was compiled elsewhere, and the proof that an application's is of the sources here."""

from __future__ import annotations

import _imp
from collections.abc import Iterable, Mapping
from pathlib import Path

from onedigest.assembler.bytecode_archive import CHECKED, HEADER, UNCHECKED, read_bytecode, source_path
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import ROOT, application_layer
from onedigest.assembler.refusal import Refused

MOST_SOURCE = 8 << 20
"""What a source that is compiled may have."""

_HINT = "run `onedigest fetch`"


def bytecode_layer(
    archive: Path,
    files: Iterable[tuple[str, bytes | Path, bool]] | None = None,
    root: str = "",
    owner: str = ROOT,
    known: str = "",
) -> list[Entry]:
    """Return the entries of an archive of bytecode, as they are in it.

    Those of an application, whose `files`, `root`, `owner` and `known` are as `application_layer` has them, must be of
    the very texts of these files: no old code may run. Raises `Refused`, with `stale` where that is not so.
    """
    found = read_bytecode(archive)
    if files is not None:
        sources = {each.path: each for each in application_layer(files, root, owner, known) if each.kind == "file"}
        _prove_texts(found, sources, CHECKED if owner != ROOT else UNCHECKED, archive.name)
        _prove_places(found, root, owner, known, archive.name)
    return found


def application_bytecode(
    files: Iterable[tuple[str, bytes]], root: str, owner: str = ROOT, known: str = ""
) -> list[Entry]:
    """Return the entries of bytecode by its paths in a layer, in the folders that `application_layer` would make."""
    below = f"{root[1:]}/"
    placed = (
        (path.removeprefix(below) if path.startswith(below) else f"/{path}", content, False) for path, content in files
    )
    return application_layer(placed, root, owner, known)


def _prove_texts(found: Iterable[Entry], sources: Mapping[str, Entry], flags: int, name: str) -> None:
    """Refuse bytecode whose source is not there, or is another text; the first is named, and how many more.

    What is empty is of no text: Python compiles the source.
    """
    pairs = [(each, sources.get(source_path(each.path))) for each in found if each.kind == "file"]
    gone = [f"/{source_path(each.path)}" for each, source in pairs if source is None]
    if gone:
        raise Refused("stale", f"the bytecode in {name} is of {_listed(gone)}, which is not there; {_HINT}")
    other = [f"/{source.path}" for each, source in pairs if source and each.size and not _is_of(each, source)]
    if other:
        raise Refused("stale", f"the bytecode in {name} is of another text of {_listed(other)}; {_HINT}")
    if any(each.size and _head(each)[4:8] != flags.to_bytes(4, "little") for each, _ in pairs):
        how = "looks" if flags == CHECKED else "does not look"
        raise Refused("stale", f"the bytecode in {name} is not such that Python {how} whether sources changed; {_HINT}")


def _prove_places(found: list[Entry], root: str, owner: str, known: str, name: str) -> None:
    """Refuse bytecode that is not owned, or whose folders are not, as those of the application are."""
    expected = application_bytecode(((each.path, b"") for each in found if each.kind == "file"), root, owner, known)
    if list(map(_attributes, found)) != list(map(_attributes, expected)):
        raise Refused("stale", f"the bytecode in {name} has another owner than the application; {_HINT}")


def _attributes(entry: Entry) -> tuple[str, str, int, int, int]:
    return entry.path, entry.kind, entry.mode, entry.uid, entry.gid


def _is_of(bytecode: Entry, source: Entry) -> bool:
    """Tell whether bytecode states the hash of a source, whose key is the magic of the CPython that compiled it."""
    head = _head(bytecode)
    if not head or source.size > MOST_SOURCE:
        return False
    text = source.content if isinstance(source.content, bytes) else b"".join(source.content.pieces())
    return head[8:] == _imp.source_hash(int.from_bytes(head[:4], "little"), text)


def _head(bytecode: Entry) -> bytes:
    content = bytecode.content
    return (content if isinstance(content, bytes) else next(content.pieces(), b""))[:HEADER]


def _listed(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
