"""The entries that a layer is made of, their names, and the merging of several lists of them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from onedigest.assembler.refusal import Refused

NAME_BYTES = 255
PATH_BYTES = 4000

HIGHEST_ID = 0o7777777
"""What seven octal digits hold (docs/formats/layers.md, section 2)."""

_OWNER = re.compile(r"([0-9]{1,7}):([0-9]{1,7})")
_PLAIN = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)*")
"""What nearly all paths look like, and what has no fault to look for."""
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")


class Splice(Protocol):
    """A deflate stream that a layer keeps as it is."""

    @property
    def crc(self) -> int:
        """The CRC-32 of what it holds."""

    def room(self) -> AbstractContextManager[bool]:
        """Hold memory for the stream and what it holds; False where both are to be streamed."""

    def packed_bytes(self) -> bytes:
        """Return the stream, whole."""

    def whole(self, packed: bytes) -> bytes | bytearray | None:
        """Return the verified content of the stream, which is at hand; None to be told by `pieces`."""

    def raw(self) -> Iterator[bytes]:
        """Yield the stream in bounded pieces."""


class Content(Protocol):
    """File content that is not held in memory."""

    def splice(self) -> Splice | None:
        """Return the deflate stream to keep, or None for content that is written anew."""

    def pieces(self) -> Iterator[bytes]:
        """Yield the content in bounded pieces; raise `Refused` unless it is what its source declares."""


def ignore(_: str) -> None:
    """Take what is odd about an input, and say nothing of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a layer.

    `path` has no leading or trailing slash. `kind` is `dir`, `file`, `link` (symbolic) or `hardlink`; for both links
    `target` is what they point to. `digest` is written as in RECORD, and `origin` says who brings it.
    """

    path: str
    kind: str
    mode: int
    size: int = 0
    content: bytes | Content = b""
    target: str = ""
    digest: str = ""
    origin: str = ""
    uid: int = 0
    gid: int = 0


def file_entry(path: str, content: bytes, *, executable: bool, origin: str) -> Entry:
    """Make the entry of a file whose content is at hand, mode 0755 or 0644."""
    digest = "sha256=" + unpadded_base64(hashlib.sha256(content).digest())
    return Entry(path, "file", 0o755 if executable else 0o644, len(content), content, digest=digest, origin=origin)


def unpadded_base64(digest: bytes) -> str:
    """Encode a digest as RECORD does (PEP 376, PEP 427): URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def owner_of(text: str) -> tuple[int, int]:
    """Read an owner of the form UID:GID, of numbers that a tar has room for. Raises `Refused` (`owner`)."""
    match = _OWNER.fullmatch(text)
    uid, gid = (int(match[1]), int(match[2])) if match else (HIGHEST_ID + 1, 0)
    if max(uid, gid) > HIGHEST_ID:
        raise Refused("owner", f"{text!r} is not UID:GID, of numbers up to {HIGHEST_ID}")
    return uid, gid


def check_path(origin: str, path: str) -> None:
    """Refuse every path that is not plain, relative and portable into a layer (docs/formats/layers.md, section 4)."""

    def refuse(why: str) -> Refused:
        return Refused("name", f"{origin}: path {path!r} {why}")

    if len(path) <= NAME_BYTES and _PLAIN.fullmatch(path):
        return
    if _FORBIDDEN.search(path):
        raise refuse("holds a backslash or a control character")
    if path.startswith("/"):
        raise refuse("is absolute")
    for part in path.split("/"):
        if part in ("", ".", ".."):
            raise refuse("has an empty, '.' or '..' component")
        if part.startswith(".wh."):
            raise refuse("would be read as a whiteout")
        if len(part.encode()) > NAME_BYTES:
            raise refuse(f"has a component of more than {NAME_BYTES} bytes")
    if len(path.encode()) > PATH_BYTES:
        raise refuse(f"is longer than {PATH_BYTES} bytes")


def merge(entries: Iterable[Entry]) -> list[Entry]:
    """Make one list in layer order, with all parent directories (docs/formats/layers.md, section 1).

    Equal files become one and their modes are or-ed; different content for one path is refused (`conflict`).
    """
    found: dict[str, Entry] = {}
    for entry in entries:
        old = found.setdefault(entry.path, entry)
        if old is not entry:
            found[entry.path] = _joined(old, entry)
    for entry in list(found.values()):
        folder = entry.path.rpartition("/")[0]
        while folder:
            held = found.get(folder)
            if held is None:
                found[folder] = Entry(folder, "dir", 0o755, origin=entry.origin)
            elif held.kind != "dir":
                raise Refused("conflict", f"{held.origin} and {entry.origin}: /{folder} is a file and a directory")
            else:
                break
            folder = folder.rpartition("/")[0]
    return sorted(found.values(), key=layer_order)


def layer_order(entry: Entry) -> list[bytes]:
    """Return the sort key of an entry: the components of its path, so that parents come first."""
    return entry.path.encode().split(b"/")


def _joined(old: Entry, new: Entry) -> Entry:
    same = (old.kind, old.size, old.digest, old.target, old.uid, old.gid)
    if same != (new.kind, new.size, new.digest, new.target, new.uid, new.gid):
        raise Refused("conflict", f"{old.origin} and {new.origin}: both bring /{old.path}, with different content")
    return replace(old, mode=old.mode | new.mode)
