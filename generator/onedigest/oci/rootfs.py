"""The files that the layers of an image leave: their names and kinds, and what an examiner found in some."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Literal, NamedTuple, Protocol, cast

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import canonical_json, hex_of, of_bytes
from onedigest.errors import InputError
from onedigest.oci.compression import InflatedStream, most_inflated
from onedigest.oci.media import LAYERS
from onedigest.oci.tar_members import MOST_MEMBERS, TarMember, read_members
from onedigest.store import Store

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40
"""After so many symbolic links Linux gives up (path_resolution(7))."""
_MOST_STEPS = 4096
"""Components that a path may lead through, links included."""
_DEEPEST = 256
"""Folders above a file."""
_MOST_PATHS = 2_000_000
_MOST_NAMES = 256 << 20
"""Paths of an image, and the characters that all names together may have."""
_MOST_FACTS = 64 << 20
"""Characters that may be found in the files of an image."""

Facts = Mapping[str, str]

Row = list[Any]
"""What a layer says of a path: path, kind, mode, owner, target of a link, facts."""

Rows = list[Row]


class Blob(Protocol):
    """Something that can be opened for reading: a file, or a part of one."""

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Open it."""


class Readable(Protocol):
    """Something that is read forwards."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer only at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """Finds facts in some files. `name` changes whenever it would find others."""

    name: str
    wants: re.Pattern[str]
    """The paths of files to examine, without a leading slash."""
    examine: Callable[[str, Readable], Facts]


class Member(NamedTuple):
    """The place of a member in an image: the number of its layer from below, and its own number there, both from 0."""

    layer: int
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One path: its `kind` (`dir`, `file` or `link`), and what an examiner found in it."""

    kind: str
    mode: int = 0o755
    owner: int = 0
    target: str = ""
    facts: Facts | None = None


_FOLDER = Node(kind="dir")
_NO_MEMBER = -1

_NOTHING: dict[str, _Place] = {}


class _Place:
    """A path with what is below it; without a node it is no file, but what is left of one."""

    __slots__ = ("below", "member", "node")

    def __init__(self) -> None:
        self.node: Node | None = None
        self.member = _NO_MEMBER
        self.below = _NOTHING  # most places are files: a dictionary for each would be the larger part of them

    def inner(self, name: str) -> _Place | None:
        """Return what is below by a name."""
        return self.below.get(name)


class Rootfs:
    """The files of an image, by path without a leading slash. Raises `InputError` for more than an image may have."""

    def __init__(self, layers: Iterable[Rows] = ()) -> None:
        self._top = _Place()
        self._shared: dict[tuple[str, int, int], Node] = {}
        self._paths = self._names = self._facts = 0
        for number, layer in enumerate(layers):
            self._apply(layer, number * MOST_MEMBERS)
        self._examined = dict(sorted(self._list_examined()))

    def find(self, path: str) -> tuple[str, Node] | None:
        """Return the real path and the node that a path leads to, following links (path_resolution(7))."""
        waiting, done = path.strip("/").split("/")[::-1], [("", self._top)]
        links = steps = 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del done[max(1, len(done) - 1) :]
                continue
            place = done[-1][1].inner(part)
            steps += 1
            if place is None or place.node is None or steps > _MOST_STEPS:
                return None
            if place.node.kind == "link":
                links += 1
                if links > _MOST_LINKS:
                    return None
                if place.node.target.startswith("/"):
                    del done[1:]
                waiting += place.node.target.split("/")[::-1]
                continue
            done.append((part, place))
        return "/".join(name for name, _ in done[1:]), done[-1][1].node or _FOLDER

    def plain(self, path: str) -> Node | None:
        """Return the node of a path, not following a link at its end."""
        place = self._at(path.strip("/"))
        return place.node if place else None

    def member(self, path: str) -> Member | None:
        """Return which member of which layer a path is, links not followed; of a hard link, the one with its content.

        Nothing is returned for what is not there, and for a folder that no layer says more of than what is in it.
        """
        place = self._at(path.strip("/"))
        return Member(*divmod(place.member, MOST_MEMBERS)) if place and place.node and place.member >= 0 else None

    def bars(self, path: str, uid: int) -> bool:
        """Tell whether a user may not execute, or not reach, a file that is there (path_resolution(7))."""
        return bool(self.barrier(path, uid))

    def barrier(self, path: str, uid: int) -> str:
        """Return the first folder that a user may not enter on the way to a file, or the file that they may not start.

        Nothing is returned where they may, and where it is not there.
        """
        place = self.find(path)
        parts = place[0].split("/") if place else []
        paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return next((f"/{each}" for each in paths if (node := self.plain(each)) and not _may_execute(node, uid)), "")

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted; no link is followed."""
        place = self._at(path.strip("/"))
        return sorted(name for name, each in place.below.items() if each.node) if place else []

    def examined(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, Node]]:
        """Yield the files that were examined and whose path a pattern matches whole, sorted."""
        return ((path, node) for path, node in self._examined.items() if pattern.fullmatch(path))

    def paths(self) -> Iterator[tuple[str, Node]]:
        """Yield every path with its node, in no order."""
        waiting = [iter(self._top.below.items())]
        names: list[str] = []
        while waiting:
            name, place = next(waiting[-1], ("", None))
            if place is None:
                waiting.pop()
                del names[-1:]
                continue
            if place.node:
                yield "/".join((*names, name)), place.node
            names.append(name)
            waiting.append(iter(place.below.items()))

    def _at(self, path: str) -> _Place | None:
        place: _Place | None = self._top
        for part in path.split("/") if path else ():
            place = place.inner(part) if place else None
        return place

    def _apply(self, layer: Rows, first: int) -> None:
        """Put a layer above the others: first what it takes away, then what it brings (layer.md, "Whiteouts").

        Its members count from `first`.
        """
        for path, kind, *_ in layer:
            if kind != "dir" and (place := self._at(path)):
                place.below = _NOTHING
                if kind == "whiteout":
                    place.node, place.member = None, _NO_MEMBER
        for member, (path, kind, mode, owner, target, facts) in enumerate(layer, first):
            if kind in ("whiteout", "opaque"):
                continue
            place = self._made(path)
            if kind == "hardlink":
                other = self._at(target)
                place.node = (other.node if other else None) or Node(kind="file")
                place.member = other.member if other else _NO_MEMBER
            elif kind in ("dir", "file", "link"):
                place.node, place.member = self._node(kind, mode, owner, target, facts), member

    def _made(self, path: str) -> _Place:
        """Return the place of a path, with the folders above it, which not every archive has."""
        place = self._top
        for part in path.split("/") if path else ():
            inner = place.inner(part)
            if inner is None:
                self._paths += 1
                self._names += len(part)
                if self._paths > _MOST_PATHS or self._names > _MOST_NAMES:
                    raise InputError.of(f"the image has more than {_MOST_PATHS} paths")
                inner = _Place()
                place.below = place.below or {}
                place.below[part] = inner
            place.node = place.node or _FOLDER
            place = inner
        return place

    def _node(self, kind: str, mode: int, owner: int, target: str, facts: Facts | None) -> Node:
        """Return a node; those that say the same are one, for there may be very many."""
        if not target and facts is None:
            return self._shared.setdefault((kind, mode, owner), Node(kind=kind, mode=mode, owner=owner))
        self._names += len(target)
        self._facts += _weight(facts)
        if self._facts > _MOST_FACTS:
            raise InputError.of("the image has too many lists of packages, or programs that may be a Python")
        return Node(kind=kind, mode=mode, owner=owner, target=target, facts=facts)

    def _list_examined(self) -> Iterator[tuple[str, Node]]:
        for path, node in self.paths():
            if node.facts is not None:
                self._names += len(path)  # of links to one file there may be very many
                if self._names > _MOST_NAMES:
                    raise InputError.of("the image has too many lists of packages, or programs that may be a Python")
                yield path, node


def read_rootfs(layers: Iterable[tuple[Descriptor, Blob]], examiner: Examiner, store: Store) -> Rootfs:
    """Read the layers of an image, from below to above; what was read of a layer once is cached in the store."""
    return Rootfs(_read_noted(descriptor, blob, examiner, store) for descriptor, blob in layers)


def cached_rootfs(layers: Iterable[Descriptor], examiner: Examiner, store: Store) -> Rootfs | None:
    """Return the files of an image by what is cached of its layers, None where one was not read on this machine."""
    found = []
    for descriptor in layers:
        note = store.read_note(_note_name(descriptor, examiner))
        if note is None:
            return None
        found.append(cast(Rows, json.loads(note)))
    return Rootfs(found)


def _may_execute(node: Node, uid: int) -> bool:
    """Tell whether a user may execute a file or enter a folder; of groups nothing is known, so they may."""
    if uid == 0:
        return node.kind == "dir" or bool(node.mode & 0o111)
    return bool(node.mode & (0o100 if uid == node.owner else 0o011))


def _note_name(descriptor: Descriptor, examiner: Examiner) -> str:
    """Return the name of the note about a layer: it is of all that the descriptor states."""
    stated = [descriptor.digest, descriptor.diff_id, descriptor.size, descriptor.media_type]
    return f"files/{examiner.name}/{hex_of(of_bytes(canonical_json(stated)))}"


def _read_noted(descriptor: Descriptor, blob: Blob, examiner: Examiner, store: Store) -> Rows:
    """Return what a layer says. A note is of all that the descriptor states: its diff ID was proven, too."""
    name = _note_name(descriptor, examiner)
    if (note := store.read_note(name)) is not None:
        with suppress(ValueError):
            return cast(Rows, json.loads(note))
    found = _read(descriptor, blob, examiner)
    store.write_note(name, canonical_json(found))
    return found


def _read(descriptor: Descriptor, blob: Blob, examiner: Examiner) -> Rows:
    """Read a layer, whose digest is right. Raises `InputError` unless it has its diff ID too."""
    with blob.open("rb") as file:
        stream = InflatedStream(file, LAYERS[descriptor.media_type], most_inflated(descriptor.size))
        try:
            rows = _bounded(_row(member, examiner) for member in read_members(stream))
            diff_id = stream.digest()
        except InputError as error:
            raise InputError.of(f"the layer {descriptor.digest} is {error.problems[0].message}") from None
    if diff_id != descriptor.diff_id:
        raise InputError.of(
            f"the layer {descriptor.digest} has the diff ID {diff_id}, {descriptor.diff_id} in the configuration"
        )
    return rows


def _bounded(rows: Iterable[Row]) -> Rows:
    """Keep rows as long as their texts are not more than an image may have."""
    found: Rows = []
    names = facts = 0
    for row in rows:
        names += len(row[0]) + len(row[4])
        facts += _weight(row[5])
        if names > _MOST_NAMES or facts > _MOST_FACTS:
            raise InputError.of("no archive of ours: its names, or its lists of packages, are too long")
        found.append(row)
    return found


def _weight(facts: Facts | None) -> int:
    """Return what facts take in memory, about."""
    return 256 + sum(map(len, facts.values())) if facts is not None else 0


def _row(member: TarMember, examiner: Examiner) -> Row:
    path = posixpath.normpath("/" + _text(member.name)).lstrip("/")
    folder, _, name = path.rpartition("/")
    if path.count("/") > _DEEPEST:
        raise InputError.of(f"no archive of ours: it has a file below more than {_DEEPEST} folders")
    if name == _OPAQUE:
        return [folder, "opaque", 0, 0, "", None]
    if name.startswith(_WHITEOUT):
        return [f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"), "whiteout", 0, 0, "", None]
    facts = None
    if member.kind == "file" and examiner.wants.fullmatch(path):
        facts = dict(examiner.examine(path, member.content))
    kind = "file" if member.kind == "other" else member.kind
    target = _text(member.target)
    if kind == "hardlink":
        target = posixpath.normpath("/" + target).lstrip("/")
    return [path, kind, member.mode, member.owner, target, facts]


def _text(name: str) -> str:
    """Return a name that can be kept: bytes that are no UTF-8 as a replacement character."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
