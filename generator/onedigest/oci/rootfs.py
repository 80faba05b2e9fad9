"""Knows the files that the layers of an image leave: their names and kinds, and what an examiner found in some."""

from __future__ import annotations

import json
import posixpath
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import canonical_json, hex_of
from onedigest.errors import InputError
from onedigest.inputs.store import Store
from onedigest.oci.compression import Inflated
from onedigest.oci.media import LAYERS

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40
"""After so many symbolic links Linux gives up (path_resolution(7))."""

Facts = Mapping[str, str]

Row = list[Any]
"""What a layer says of a path: path, kind, mode, owner, target of a link, facts."""

Rows = list[Row]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """Finds facts in some files. `name` changes whenever it would find others."""

    name: str
    wants: re.Pattern[str]
    """The paths of files to examine, without a leading slash."""
    examine: Callable[[str, IO[bytes]], Facts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One path: its `kind` (`dir`, `file` or `link`), and what an examiner found in it."""

    kind: str
    mode: int = 0o755
    owner: int = 0
    target: str = ""
    facts: Facts | None = None


class Rootfs:
    """The files of an image, by path without a leading slash."""

    def __init__(self, layers: Iterable[Rows] = ()) -> None:
        self._nodes: dict[str, Node] = {}
        for layer in layers:
            self._apply(layer)

    def find(self, path: str) -> tuple[str, Node] | None:
        """Return the real path and the node that a path leads to, following links (path_resolution(7))."""
        waiting, done = path.strip("/").split("/"), ""
        links = 0
        while waiting:
            part = waiting.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                done = posixpath.dirname(done)
                continue
            here = f"{done}/{part}" if done else part
            node = self._nodes.get(here)
            if node is None:
                return None
            if node.kind == "link":
                links += 1
                if links > _MOST_LINKS:
                    return None
                if node.target.startswith("/"):
                    done = ""
                waiting = [*node.target.split("/"), *waiting]
                continue
            done = here
        return done, self._nodes.get(done, Node(kind="dir"))

    def plain(self, path: str) -> Node | None:
        """Return the node of a path, not following a link at its end."""
        return self._nodes.get(path.strip("/"))

    def matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, Node]]:
        """Yield the paths that a pattern matches whole, sorted."""
        for path in sorted(self._nodes):
            if pattern.fullmatch(path):
                yield path, self._nodes[path]

    def _apply(self, layer: Rows) -> None:
        """Put a layer above the others: first what it takes away, then what it brings (layer.md, "Whiteouts")."""
        gone, emptied = set(), set()
        for path, kind, *_ in layer:
            if kind == "whiteout":
                gone.add(path)
            elif kind == "opaque":
                emptied.add(path)
        replaced = {row[0] for row in layer if row[1] not in ("dir", "whiteout", "opaque")}
        if gone or emptied or replaced:
            kept = {}
            for path, node in self._nodes.items():
                parents = set(_parents(path))
                if not (path in gone or parents & gone or parents & emptied or parents & replaced):
                    kept[path] = node
            self._nodes = kept
        for path, kind, mode, owner, target, facts in layer:
            if kind not in ("whiteout", "opaque"):
                for folder in _parents(path):  # not every archive has them
                    self._nodes.setdefault(folder, Node(kind="dir"))
            if kind == "hardlink":
                self._nodes[path] = self._nodes.get(target, Node(kind="file"))
            elif kind in ("dir", "file", "link"):
                self._nodes[path] = Node(kind=kind, mode=mode, owner=owner, target=target, facts=facts)


def read_rootfs(layers: Iterable[tuple[Descriptor, Path]], examiner: Examiner, store: Store) -> Rootfs:
    """Read the layers of an image, from below to above; what was read of a layer once is noted in the store."""
    return Rootfs(_read_noted(descriptor, path, examiner, store) for descriptor, path in layers)


def _read_noted(descriptor: Descriptor, path: Path, examiner: Examiner, store: Store) -> Rows:
    name = f"files/{examiner.name}/{hex_of(descriptor.digest)}"
    if (note := store.read_note(name)) is not None:
        return cast(Rows, json.loads(note))
    found = _read(descriptor, path, examiner)
    store.write_note(name, canonical_json(found))
    return found


def _read(descriptor: Descriptor, path: Path, examiner: Examiner) -> Rows:
    """Read a layer, whose digest is right. Raises `InputError` unless it has its diff ID too."""
    with path.open("rb") as file:
        stream = Inflated(file, LAYERS[descriptor.media_type])
        try:
            with tarfile.open(
                fileobj=cast(Any, stream), mode="r|", encoding="utf-8", errors="surrogateescape"
            ) as archive:
                rows = [_row(archive, member, examiner) for member in archive]
            diff_id = stream.digest()
        except tarfile.TarError as error:
            raise InputError.of(f"the layer {descriptor.digest} is no archive: {error}") from None
        except InputError as error:
            raise InputError.of(f"the layer {descriptor.digest} is {error.problems[0].message}") from None
    if diff_id != descriptor.diff_id:
        raise InputError.of(
            f"the layer {descriptor.digest} has the diff ID {diff_id}, {descriptor.diff_id} in the configuration"
        )
    return rows


def _row(archive: tarfile.TarFile, member: tarfile.TarInfo, examiner: Examiner) -> Row:
    path = posixpath.normpath("/" + _text(member.name)).lstrip("/")
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        return [folder, "opaque", 0, 0, "", None]
    if name.startswith(_WHITEOUT):
        return [f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"), "whiteout", 0, 0, "", None]
    facts = None
    if member.isreg() and examiner.wants.fullmatch(path) and (file := archive.extractfile(member)):
        facts = dict(examiner.examine(path, file))
    kind = "dir" if member.isdir() else "link" if member.issym() else "hardlink" if member.islnk() else "file"
    target = _text(member.linkname)
    if kind == "hardlink":
        target = posixpath.normpath("/" + target).lstrip("/")
    return [path, kind, member.mode, member.uid, target, facts]


def _text(name: str) -> str:
    """Return a name that can be kept: bytes that are no UTF-8 as a replacement character."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
