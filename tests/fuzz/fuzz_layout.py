"""Layouts: one of the four documents is mutated, and what refers to it is made anew; and layers and archives."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from onedigest.assembler.descriptor import Descriptor
from onedigest.debian.index import installed
from onedigest.digest import hex_of, of_bytes
from onedigest.errors import OnedigestError
from onedigest.lock.base.probe import EXAMINER, dpkg_status, glibc_version, list_pythons, release_fields
from onedigest.lock.base.standard_library import find_uncompiled_library
from onedigest.oci.local_image import Layout, LayoutArchive
from onedigest.oci.read import distinct_layers, list_files, read_image
from onedigest.oci.rootfs import read_rootfs
from onedigest.oci.validate import prove, validate
from onedigest.oci.wanted_members import read_wanted
from onedigest.store import Store
from onedigest.workspace.changes import bytes_to_move, compare, equal_layers, of_image

EXPECTED: tuple[type[Exception], ...] = (OnedigestError,)
TOKENS: tuple[bytes, ...] = (
    *(b'"sha256:', b"../../x", b'"digest":', b'"size":', b'"mediaType":', b'"platform":', b'"Env":', b'"Labels":'),
    *(b"\\ud800", b"1e999", b"null", b"[]", b"{}", b"ustar\0", b"ustar  \0", b"0" * 11, b"\x80", b".wh..wh..opq"),
    *(b"20 path=", b"GNU.sparse.name", b"L", b"x", b"S", b"stable release version 2.36", b"\x7fELF\x02\x01"),
)
_PLACE = Path("fuzzed-layout")
_TYPE = "application/vnd.oci.image."
_INDEX, _MANIFEST = f"{_TYPE}index.v1+json", f"{_TYPE}manifest.v1+json"
_LAYER = f"{_TYPE}layer.v1.tar"


def _tar(kind: int) -> bytes:
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w", format=kind) as archive:
        for name, content in (
            ("etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
            (
                "var/lib/dpkg/status",
                b"Package: alpha\nVersion: 1:2-3\nStatus: install ok installed\nProvides: b (= 1)\n",
            ),
            ("usr/bin/python3.12", b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\0" + bytes(80) + b"\x003.12.4\0"),
            ("usr/lib/python3.12/os.py", b"import sys\n"),
            ("usr/lib/python3.12/__pycache__/re.cpython-312.pyc", b""),
            ("d/" + "long/" * 30 + "name", b"x" * 600),
            (".wh.gone", b""),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        archive.addfile(link)
    return text.getvalue()


_TARS = (_tar(tarfile.GNU_FORMAT), _tar(tarfile.PAX_FORMAT))


def _row(data: bytes, kind: str, **more: object) -> dict[str, Any]:
    return {"mediaType": kind, "digest": of_bytes(data), "size": len(data), **more}


def _text(document: object) -> bytes:
    return json.dumps(document).encode()


_SETTINGS = {"Env": ["PATH=/bin"], "Labels": {"a": "b"}, "Cmd": ["sh"], "User": "0", "WorkingDir": "/", "OnBuild": None}
_CONFIG = _text(
    {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-01T00:00:00Z",
        "config": _SETTINGS,
        "rootfs": {"type": "layers", "diff_ids": [of_bytes(_TARS[0])]},
        "history": [{"created_by": "onedigest layer: alpha 1, beta 2"}, {"created_by": "x", "empty_layer": True}],
    }
)
_CONFIG_TYPE = f"{_TYPE}config.v1+json"
_MANIFEST_TEXT = _text({"config": _row(_CONFIG, _CONFIG_TYPE), "layers": [_row(_TARS[0], _LAYER)]})
_PLATFORM = {"os": "linux", "architecture": "amd64"}
_INDEX_TEXT = _text({"manifests": [_row(_MANIFEST_TEXT, _MANIFEST, platform=_PLATFORM)]})
_TOP = _text({"manifests": [_row(_INDEX_TEXT, _INDEX)]})
_ODD_INDEX = _text(
    {
        "manifests": [
            _row(_CONFIG, _MANIFEST, artifactType="application/vnd.example+json"),
            _row(_INDEX_TEXT, _INDEX),
            _row(_MANIFEST_TEXT, _MANIFEST),
            _row(_MANIFEST_TEXT, _MANIFEST, platform={**_PLATFORM, "variant": "v2", "os.features": ["x"]}),
        ]
    }
)

SEEDS: tuple[bytes, ...] = (
    b"c" + _CONFIG,
    b"m" + _MANIFEST_TEXT,
    b"i" + _INDEX_TEXT,
    b"i" + _ODD_INDEX,
    b"t" + _TOP,
    b"p" + _TARS[0],
    b"p" + _TARS[1],
    b"g" + gzip.compress(_TARS[0], mtime=0),
    b"a" + _TARS[1],
)


def run(data: bytes) -> None:
    """Read a layout of which one part is the data; the first byte says which."""
    kind, content = data[:1], data[1:]
    shutil.rmtree(_PLACE, ignore_errors=True)
    (_PLACE / "blobs" / "sha256").mkdir(parents=True)
    if kind in b"pg":
        return _read_layer(content, _LAYER + ("+gzip" if kind == b"g" else ""))
    if kind == b"a":
        (_PLACE / "archive.tar").write_bytes(content)
        prove(LayoutArchive(_PLACE / "archive.tar"))
        return None
    config = content if kind == b"c" else _CONFIG
    manifest = _text({"config": _row(config, _CONFIG_TYPE), "layers": [_row(_TARS[0], _LAYER)]})
    manifest = content if kind == b"m" else manifest
    index = content if kind == b"i" else _text({"manifests": [_row(manifest, _MANIFEST, platform=_PLATFORM)]})
    for blob in (config, manifest, index, _MANIFEST_TEXT, _CONFIG, _INDEX_TEXT, _TARS[0]):
        (_PLACE / "blobs" / "sha256" / hex_of(of_bytes(blob))).write_bytes(blob)
    (_PLACE / "index.json").write_bytes(content if kind == b"t" else _text({"manifests": [_row(index, _INDEX)]}))
    image = read_image(_PLACE)
    validate(_PLACE)
    side = of_image("one", image, lambda _: {})
    list(compare(side, of_image("other", image, lambda _: {})))
    equal_layers(side, side)
    bytes_to_move(side, side)
    for layer in distinct_layers(image):
        list(list_files(Layout(_PLACE).blob(layer.digest), layer))
    return None


def _read_layer(content: bytes, kind: str) -> None:
    path = _PLACE / "layer"
    path.write_bytes(content)
    diff_id = of_bytes(content)
    if kind.endswith("gzip"):
        with suppress(OSError, EOFError, zlib.error):  # then it is refused below
            diff_id = of_bytes(gzip.decompress(content))
    layers = [(Descriptor(diff_id, of_bytes(content), len(content), kind), path)]
    root = read_rootfs(layers, EXAMINER, Store(_PLACE))
    for python in list_pythons(root, "/bin:/usr/bin:relative"):
        find_uncompiled_library(root, python.path, python.version)
    members = [found for name, _ in root.paths() if (found := root.member(name))]
    for _, member in read_wanted(layers, members):
        member.content.read(member.size)
    glibc_version(root, 62)
    release_fields(root)
    installed(dpkg_status(root))
