"""Layers of made-up images with owners and modes, put into a store."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from onedigest.assembler.descriptor import LAYER_TYPE, Descriptor
from onedigest.digest import of_bytes
from onedigest.lock.base.probe import EXAMINER
from onedigest.oci.rootfs import Rootfs, read_rootfs
from onedigest.store import Store


@dataclass(frozen=True)
class File:
    """A member of a layer: content, or the target of a symbolic link, or None for a folder."""

    path: str
    content: bytes | str | None = b""
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    hard: bool = False
    mtime: int = 0


def folder(path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> File:
    return File(path, None, mode, owner)


def make_layer(files: Sequence[File]) -> bytes:
    """Return the tar of a layer, its members in this order."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as archive:
        for each in files:
            member = tarfile.TarInfo(each.path)
            member.mode, (member.uid, member.gid), member.mtime = each.mode, each.owner, each.mtime
            if each.content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(each.content, str):
                member.type, member.linkname = tarfile.LNKTYPE if each.hard else tarfile.SYMTYPE, each.content
            else:
                member.size = len(each.content)
            archive.addfile(member, io.BytesIO(each.content) if isinstance(each.content, bytes) else None)
    return text.getvalue()


def store_layers(store: Store, *layers: Sequence[File]) -> tuple[Descriptor, ...]:
    """Put layers into a store; return what they are known by, from below to above."""
    return tuple(store_tar(store, make_layer(files)) for files in layers)


def store_tar(store: Store, tar: bytes) -> Descriptor:
    blob = gzip.compress(tar, 1, mtime=0)
    store.add(blob)
    return Descriptor(of_bytes(tar), of_bytes(blob), len(blob), LAYER_TYPE)


def rootfs_of(store: Store, layers: Sequence[Descriptor]) -> Rootfs:
    return read_rootfs([(each, store.path(each.digest)) for each in layers], EXAMINER, store)
