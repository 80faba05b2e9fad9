"""Knows how the list of the files of an image is made from its layers (docs/formats/layers.md, section 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onedigest.assembler.configuration.file_list import FORMAT, elf_facts
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.elf import elf_of
from onedigest.digest import canonical_json
from onedigest.inputs.store import Store
from onedigest.oci.rootfs import Blob, Examiner, Facts, Node, Readable, read_rootfs

_LIBRARY = re.compile(r"(?:.*/)?(?:(?:lib|ld-)[^/]*\.so|ld(?:64)?\.so\.)[^/]*", re.DOTALL)
_LDCONFIG = re.compile(r"(?:usr/)?sbin/ldconfig")
_TEXT = re.compile(
    r"etc/ld\.so\.conf(?:\.d/[^/]+)?|etc/(?:passwd|group)|var/lib/dpkg/alternatives/[^/]+"
    r"|usr/share/glib-2\.0/schemas/[^/]+\.(?:xml|override)|usr/share/mime/packages/[^/]+\.xml"
    r"|usr/share/applications/(?:[^/]+/)?[^/]+\.desktop"
)
_WANTED = re.compile(f"{_LIBRARY.pattern}|{_LDCONFIG.pattern}|{_TEXT.pattern}", re.DOTALL)
_GENERATOR = re.compile(rb"ldconfig [ -~]{0,200} release version [0-9.]{1,40}\0")
_MOST_TEXT = 4 << 20
_MOST_LIBRARY = 512 << 20
_PIECE = 1 << 20


def list_files(layers: Iterable[tuple[Descriptor, Blob]], store: Store) -> bytes:
    """Return the list of the files that layers leave, in its one form: canonical JSON. Raises `InputError`."""
    rootfs = read_rootfs(layers, _EXAMINER, store)
    rows = [[path, node.kind, node.target, dict(node.facts or {})] for path, node in sorted(rootfs.paths(), key=_path)]
    return canonical_json({"format": FORMAT, "files": rows})


def _path(pair: tuple[str, Node]) -> str:
    return pair[0]


def _examine(path: str, file: Readable) -> Facts:
    if _TEXT.fullmatch(path):
        data = file.read(_MOST_TEXT + 1)
        return {"text": data.decode("utf-8", "replace")} if len(data) <= _MOST_TEXT else {}
    data = _content(file)
    elf = elf_of(data)
    if elf is None:
        return {}
    found = _GENERATOR.search(data) if _LDCONFIG.fullmatch(path) else None
    return {**elf_facts(elf), **({"text": found[0].decode("ascii")} if found else {})}


def _content(file: Readable) -> bytes:
    """Return the content of an ELF file; nothing for another one, and for one that is too large to be looked at."""
    found = bytearray(file.read(_PIECE))
    if not found.startswith(b"\x7fELF"):
        return b""
    while (piece := file.read(_PIECE)) and len(found) <= _MOST_LIBRARY:
        found += piece
    return bytes(found) if len(found) <= _MOST_LIBRARY else b""


_EXAMINER = Examiner(name=f"list-{FORMAT}", wants=_WANTED, examine=_examine)
