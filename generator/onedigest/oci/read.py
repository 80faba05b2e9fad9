"""Knows how to read an image from an OCI layout, and to prove that every digest, size and diff ID in it is right."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from onedigest.assembler.image import CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, hex_of, is_digest, of_file
from onedigest.errors import InputError, Problem

_DOCUMENT_BYTES = 16 << 20
_READ = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLayer:
    """A layer of an image. `holds` is what the configuration's history says of it."""

    holds: str
    digest: Digest
    size: int
    diff_id: Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPlatform:
    """The image of one platform, with its configuration parsed."""

    platform: str
    manifest: Digest
    config_digest: Digest
    config: dict[str, Any]
    layers: tuple[ReadLayer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadImage:
    """An image as a layout has it."""

    digest: Digest
    platforms: tuple[ReadPlatform, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedFile:
    """One path in a layer."""

    path: str
    kind: str
    mode: int
    size: int
    target: str


def read_image(layout: Path) -> ReadImage:
    """Read the documents of the image in a layout. Raises `InputError` unless they have their digests and sizes."""
    top = _parsed(layout, _limited(layout / "index.json"), "index.json")
    described = _descriptor(layout, _first(layout, top, "manifests"), INDEX_TYPE)
    index = _document(layout, described)
    platforms = [_read_platform(layout, each) for each in _list(layout, index, "manifests")]
    return ReadImage(digest=described["digest"], platforms=tuple(platforms))


def validate(layout: Path) -> list[Problem]:
    """Recompute every digest, size and diff ID of a layout; return all that is wrong."""
    image = read_image(layout)
    problems = []
    seen: set[tuple[str, str]] = set()
    used = {image.digest}
    for platform in image.platforms:
        used |= {platform.manifest, platform.config_digest, *(layer.digest for layer in platform.layers)}
        for layer in platform.layers:
            if (layer.digest, layer.diff_id) not in seen:
                seen.add((layer.digest, layer.diff_id))
                problems += _layer_problems(layout, layer)
    for path in sorted((layout / "blobs" / "sha256").iterdir()):
        if f"sha256:{path.name}" not in used:
            problems.append(Problem("no document refers to it", _blob_name(f"sha256:{path.name}")))
    return problems


def list_files(layout: Path, layer: ReadLayer) -> Iterator[ListedFile]:
    """Yield the paths of a layer, in its order."""
    kinds = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hardlink"}
    with tarfile.open(_blob(layout, layer.digest), "r:gz", encoding="utf-8") as archive:
        for member in archive:
            kind = kinds.get(member.type, "file")
            yield ListedFile(path=member.name, kind=kind, mode=member.mode, size=member.size, target=member.linkname)


def inflated(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what the gzip members of a file hold. Raises `InputError` for what is no gzip (RFC 1952)."""
    inflater = zlib.decompressobj(31)
    waiting = b""
    while data := waiting or file.read(_READ):
        try:
            yield inflater.decompress(data, _READ)
        except zlib.error as error:
            raise InputError.of(f"not gzip: {error}") from None
        waiting = inflater.unconsumed_tail
        if inflater.eof:
            waiting = inflater.unused_data
            inflater = zlib.decompressobj(31)


def _read_platform(layout: Path, row: Any) -> ReadPlatform:
    described = _descriptor(layout, row, MANIFEST_TYPE)
    manifest = _document(layout, described)
    config_row = _descriptor(layout, manifest.get("config"), CONFIG_TYPE)
    config = _document(layout, config_row)
    where = _blob_name(config_row["digest"])
    name = f"{config.get('os')}/{config.get('architecture')}"
    stated = row.get("platform", {})
    if f"{stated.get('os')}/{stated.get('architecture')}" != name:
        raise InputError.of(f"the index says another platform than the configuration, which is of {name}", where=where)
    layers = [_descriptor(layout, each, LAYER_TYPE) for each in _list(layout, manifest, "layers")]
    diff_ids = config.get("rootfs", {}).get("diff_ids", [])
    history = [each for each in config.get("history", []) if not each.get("empty_layer")]
    if not len(layers) == len(diff_ids) == len(history):
        raise InputError.of("layers, diff IDs and history have different numbers", where=where)
    return ReadPlatform(
        platform=name,
        manifest=described["digest"],
        config_digest=config_row["digest"],
        config=config,
        layers=tuple(
            ReadLayer(
                holds=str(line.get("created_by", "")).partition(": ")[2] or str(line.get("created_by", "")),
                digest=each["digest"],
                size=each["size"],
                diff_id=Digest(str(diff_id)),
            )
            for each, diff_id, line in zip(layers, diff_ids, history, strict=True)
        ),
    )


def _layer_problems(layout: Path, layer: ReadLayer) -> list[Problem]:
    path, where = _blob(layout, layer.digest), _blob_name(layer.digest)
    if not path.is_file():
        return [Problem("the layer is missing", where)]
    if path.stat().st_size != layer.size:
        return [Problem(f"{path.stat().st_size} bytes, {layer.size} in the manifest", where)]
    problems = []
    if (found := of_file(path)) != layer.digest:
        problems.append(Problem(f"the content has the digest {found}", where))
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for piece in inflated(file):
                digest.update(piece)
    except InputError as error:
        return [*problems, Problem(error.problems[0].message, where)]
    if f"sha256:{digest.hexdigest()}" != layer.diff_id:
        problems.append(
            Problem(f"the diff ID is sha256:{digest.hexdigest()}, {layer.diff_id} in the configuration", where)
        )
    return problems


def _descriptor(layout: Path, row: Any, media_type: str) -> dict[str, Any]:
    """Check a descriptor (OCI image specification, descriptor.md); a digest must be one, for it becomes a path."""
    if not isinstance(row, dict) or not is_digest(str(row.get("digest"))) or not isinstance(row.get("size"), int):
        raise InputError.of(f"not a descriptor: {row!r}", where=str(layout))
    if row.get("mediaType") != media_type:
        raise InputError.of(f"media type {row.get('mediaType')!r}, {media_type!r} is expected", where=str(layout))
    return row


def _document(layout: Path, described: dict[str, Any]) -> dict[str, Any]:
    where = _blob_name(described["digest"])
    data = _limited(_blob(layout, described["digest"]))
    if len(data) != described["size"]:
        raise InputError.of(f"{len(data)} bytes, {described['size']} in its descriptor", where=where)
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != described["digest"]:
        raise InputError.of(f"the content has the digest {found}", where=where)
    return _parsed(layout, data, where)


def _parsed(layout: Path, data: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise InputError.of(f"not JSON: {error}", where=f"{layout}/{where}") from None
    if not isinstance(found, dict):
        raise InputError.of("not a JSON object", where=f"{layout}/{where}")
    return found


def _limited(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InputError.of(f"not an OCI layout: {error.strerror}", where=str(path)) from None
    if len(data) > _DOCUMENT_BYTES:
        raise InputError.of(f"larger than {_DOCUMENT_BYTES} bytes", where=str(path))
    return data


def _list(layout: Path, document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list) or not found:
        raise InputError.of(f"no `{key}`", where=str(layout))
    return found


def _first(layout: Path, document: dict[str, Any], key: str) -> Any:
    return _list(layout, document, key)[0]


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / hex_of(digest)


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{hex_of(digest)}"
