"""The list of the files of an image, made from its layers (docs/formats/layers.md, section 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from onedigest.assembler.configuration.file_list import FORMAT, elf_facts, text_fact
from onedigest.assembler.configuration.library_machine import generator_in
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.elf import elf_of
from onedigest.assembler.spool import Spool
from onedigest.digest import canonical_json
from onedigest.oci.rootfs import Blob, Examiner, Facts, Node, Readable, read_rootfs
from onedigest.store import Store

_LIBRARY = re.compile(r"(?:.*/)?(?:(?:lib|ld-)[^/]*\.so|ld(?:64)?\.so\.)[^/]*", re.DOTALL)
_LDCONFIG = re.compile(r"(?:usr/)?sbin/ldconfig")
_TEXT = re.compile(
    r"etc/ld\.so\.conf(?:\.d/[^/]+)?|etc/(?:passwd|group)|var/lib/dpkg/alternatives/[^/]+"
    r"|usr/share/ca-certificates/.+\.crt"
    r"|usr/share/glib-2\.0/schemas/[^/]+\.(?:xml|override)|usr/share/mime/packages/[^/]+\.xml"
    r"|usr/share/applications/(?:[^/]+/)?[^/]+\.desktop"
)
_WANTED = re.compile(f"{_LIBRARY.pattern}|{_LDCONFIG.pattern}|{_TEXT.pattern}", re.DOTALL)
_MOST_TEXT = 4 << 20
_MOST_LIBRARY = 1 << 30
_PIECE = 1 << 20


def list_files(layers: Iterable[tuple[Descriptor, Blob]], store: Store) -> bytes:
    """Return the list of the files that layers leave, in its one form: canonical JSON. Raises `InputError`."""
    rootfs = read_rootfs(layers, EXAMINER, store)
    rows = [[path, node.kind, node.target, dict(node.facts or {})] for path, node in sorted(rootfs.paths(), key=_path)]
    return canonical_json({"format": FORMAT, "files": rows})


def _path(pair: tuple[str, Node]) -> str:
    return pair[0]


def _examine(path: str, file: Readable) -> Facts:
    """Return what a list tells of a file; what lies behind the bounds of a text or a library is not read."""
    if _TEXT.fullmatch(path):
        return {"text": text_fact(b"".join(_pieces(file, _MOST_TEXT)))}
    pieces = _pieces(file, _MOST_LIBRARY)
    if not (first := next(pieces, b"")).startswith(b"\x7fELF"):
        return {}
    program = first + b"".join(pieces) if _LDCONFIG.fullmatch(path) else b""
    elf = elf_of(program or Spool().keep(chain([first], pieces), _MOST_LIBRARY)[0])
    if elf is None:
        return {}
    return {**elf_facts(elf), **({"text": text_fact(generator_in(program))} if program else {})}


def _pieces(file: Readable, most: int) -> Iterator[bytes]:
    while most and (piece := file.read(min(_PIECE, most))):
        most -= len(piece)
        yield piece


EXAMINER = Examiner(name=f"list-{FORMAT}", wants=_WANTED, examine=_examine)
