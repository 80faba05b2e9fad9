"""Knows how the list of the files of an image is made from its layers (docs/formats/layers.md, section 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onedigest.assembler.configuration.file_list import FORMAT
from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import canonical_json
from onedigest.inputs.store import Store
from onedigest.oci.rootfs import Blob, Examiner, Facts, Readable, read_rootfs

_LIBRARY = re.compile(r"(?:.*/)?(?:lib|ld-)[^/]*\.so(?:\.[^/]*)?|(?:.*/)?ld[^/]*\.so\.\d")
_TEXT = re.compile(r"etc/ld\.so\.conf(?:\.d/[^/]+)?|etc/(?:passwd|group)|var/lib/dpkg/alternatives/[^/]+")
_WANTED = re.compile(f"{_LIBRARY.pattern}|{_TEXT.pattern}")
_MOST_TEXT = 1 << 20


def list_files(layers: Iterable[tuple[Descriptor, Blob]], store: Store) -> bytes:
    """Return the list of the files that layers leave, in its one form: canonical JSON. Raises `InputError`."""
    rootfs = read_rootfs(layers, _EXAMINER, store)
    rows = [[path, node.kind, node.target, dict(node.facts or {})] for path, node in sorted(rootfs.paths())]
    return canonical_json({"format": FORMAT, "files": rows})


def _examine(path: str, file: Readable) -> Facts:
    if _TEXT.fullmatch(path):
        data = file.read(_MOST_TEXT + 1)
        return {"text": data.decode("utf-8", "replace")} if len(data) <= _MOST_TEXT else {}
    return {}


_EXAMINER = Examiner(name=f"list-{FORMAT}", wants=_WANTED, examine=_examine)
