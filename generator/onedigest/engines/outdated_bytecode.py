"""The bytecode that commands of `run` leave beside sources that they change: Python would run the old code."""

from __future__ import annotations

import _imp
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from onedigest.assembler.bytecode_archive import HEADER, UNCHECKED
from onedigest.assembler.bytecode_layer import MOST_SOURCE
from onedigest.bytecode_path import CACHE, SUFFIX, bytecode_path
from onedigest.errors import InputError, Problem
from onedigest.oci.buildkit_export import ExportedPlatform, opened_layer
from onedigest.plan.layers import Layer, Plan
from onedigest.wording import ellipsis

_UNCHECKED = UNCHECKED.to_bytes(4, "little")
"""Flags of bytecode that Python runs whatever its source says by then."""

_BYTECODE = ".pyc"

_GONE, _EMPTIED = ".wh.", ".wh..wh..opq"
"""How layers say that a path is gone, and that a folder has nothing of those below (OCI image spec, layer.md)."""

_SHOWN, _LONGEST = 3, 100


def refuse_outdated(plan: Plan, exports: Mapping[str, ExportedPlatform]) -> None:
    """Raise `InputError` for commands that change a source, and leave bytecode that Python never compares with it.

    Where each problem is, is its command, counted from 0: `run[0]`.
    """
    found: dict[int, set[str]] = {}
    told: dict[int, Layer] = {}
    for planned in plan.platforms:
        commands = [layer for layer in planned.layers if layer.executed]
        files = [file for _, file in exports[planned.platform.oci].layers]
        for number, path in _outdated(planned.layers, files) if commands else ():
            found.setdefault(number, set()).add(path)
            told[number] = commands[number]
    if found:
        python = next(layer.bytecode.python for layer in plan.layers() if layer.bytecode)
        raise InputError(_problem(told[number], number, sorted(found[number]), python) for number in sorted(found))


def _problem(layer: Layer, number: int, paths: Sequence[str], python: str) -> Problem:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    changed = ", ".join(f"/{path}" for path in paths[:_SHOWN]) + more
    place = bytecode_path(paths[0], python) if len(paths) == 1 else f"{posixpath.dirname(paths[0])}/{CACHE}"
    return Problem(
        f"{ellipsis(layer.holds, _LONGEST)}: Python would still run the old code of {changed},"
        " for the command leaves the bytecode as it was",
        f"run[{number}]",
        f"have the command remove /{place} too, or set `bytecode = false`",
    )


class _Written(NamedTuple):
    """A source that a command wrote, and the hash that bytecode of it would have; nothing where that is not known."""

    command: int
    hash: bytes


def _outdated(layers: Sequence[Layer], files: Sequence[Path]) -> Iterator[tuple[int, str]]:
    """Yield the sources of an image whose bytecode is of another text, with the number of the command that wrote it.

    What counts is what is there after all layers: a later one may mend it.
    """
    standing: dict[str, bytes] = {}  # headers of unchecked bytecode
    written: dict[str, _Written] = {}
    python, command = "", 0
    for layer, file in zip(layers, files, strict=True):
        if not (layer.bytecode or layer.executed):
            continue
        python = layer.bytecode.python if layer.bytecode else python
        magic = next((each[:4] for each in standing.values()), b"")
        with opened_layer(file) as archive:
            members = {each.name.removeprefix("./"): each for each in archive}
            _remove(standing, members)
            _remove(written, members)
            for path, member in members.items():
                if path.endswith(_BYTECODE) and not member.isdir():
                    standing.pop(path, None)
                    header = _content(archive, member, HEADER) or b""
                    if header[4:8] == _UNCHECKED and len(header) == HEADER:
                        standing[path] = header
                elif path.endswith(SUFFIX) and not member.isdir() and layer.executed and magic:
                    written[path] = _Written(command, _source_hash(magic, _content(archive, member, MOST_SOURCE + 1)))
        if layer.bytecode:  # it is of the sources right below it, whatever a command had put there
            for path in [each for each in written if bytecode_path(each, python) in members]:
                del written[path]
        command += bool(layer.executed)
    for path, each in written.items():
        known = standing.get(bytecode_path(path, python))
        if known and known[8:] != each.hash:
            yield each.command, path


def _remove(known: dict[str, bytes] | dict[str, _Written], members: Mapping[str, tarfile.TarInfo]) -> None:
    """Forget what a layer takes away: what it says is gone, and what is below a path that is no folder any more."""
    gone: set[str] = set()
    emptied: set[str] = set()
    for path, member in members.items():
        folder, name = posixpath.split(path)
        if name == _EMPTIED:
            emptied.add(folder)
        elif name.startswith(_GONE):
            gone.add(posixpath.join(folder, name.removeprefix(_GONE)))
        elif not member.isdir():
            emptied.add(path)
    for path in [each for each in known if each in gone or not {*_above(each)}.isdisjoint(gone | emptied)]:
        del known[path]


def _above(path: str) -> Iterable[str]:
    """Yield the folders that a path is in."""
    while path := posixpath.dirname(path):
        yield path


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes | None:
    """Return how a file begins, or the one in its layer that a link names; None where that is elsewhere."""
    try:
        file = archive.extractfile(member)
    except KeyError:
        return None
    return file.read(most) if file else None


def _source_hash(magic: bytes, source: bytes | None) -> bytes:
    """Return what bytecode with some magic number states of its source: `importlib.util` knows that of one Python.

    Nothing is returned for a source of which there is no bytecode: of a larger one none is made, so it is another one.
    """
    if source is None or len(source) > MOST_SOURCE:
        return b""
    return _imp.source_hash(int.from_bytes(magic, "little"), source)
