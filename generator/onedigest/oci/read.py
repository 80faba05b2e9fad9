"""Knows how to read an image, from a layout or a registry, and to prove that it is what its digests say."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, hex_of, is_digest, of_bytes, of_file
from onedigest.errors import InputError, Problem
from onedigest.oci.compression import Inflated, inflated
from onedigest.oci.media import CONFIGS, INDEXES, LAYERS, MANIFEST_TYPES, MANIFESTS

DOCUMENT_BYTES = 16 << 20
_USUAL_VARIANTS = ("", "v8", "v1")
"""Of an architecture, what is meant where nothing more is said: arm64 is v8, amd64 is v1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLayer:
    """A layer of an image. `holds` is what the configuration's history says of it, where it says something."""

    holds: str
    digest: Digest
    size: int
    diff_id: Digest
    media_type: str

    @property
    def descriptor(self) -> Descriptor:
        """What the layer is known by."""
        return Descriptor(self.diff_id, self.digest, self.size, self.media_type)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadPlatform:
    """The image of one platform, with its configuration parsed, and both documents as they are."""

    platform: str
    manifest: Digest
    config_digest: Digest
    config: dict[str, Any]
    layers: tuple[ReadLayer, ...]
    documents: Mapping[str, bytes]
    manifest_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadImage:
    """An image as a layout or a registry has it. `offered` are the platforms that its index names."""

    digest: Digest
    platforms: tuple[ReadPlatform, ...]
    offered: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedFile:
    """One path in a layer."""

    path: str
    kind: str
    mode: int
    size: int
    target: str


class Source(Protocol):
    """Where the documents of an image come from. `name` is how messages call it."""

    @property
    def name(self) -> str:
        """The layout's path, or the reference."""

    def top(self) -> tuple[str, bytes]:
        """Return the media type and the bytes of the index, or of the only manifest."""

    def document(self, digest: str, size: int, *, manifest: bool) -> bytes:
        """Return a manifest or a configuration. Raises an error unless it has its digest."""

    def where(self, digest: str) -> str:
        """Return how messages call a blob."""


class Layout:
    """An OCI layout on disk as a source (OCI image specification, image-layout.md)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def top(self) -> tuple[str, bytes]:
        """Return the document that the layout's index names first."""
        index = _parsed(_limited(self.path / "index.json"), f"{self.name}/index.json")
        row = _descriptor(self.name, _list(self.name, index, "manifests")[0], MANIFEST_TYPES)
        return row["mediaType"], self.document(row["digest"], row["size"], manifest=True)

    def document(self, digest: str, size: int, *, manifest: bool) -> bytes:  # noqa: ARG002  a file is a file
        """Return a blob."""
        data = _limited(self.blob(digest))
        if len(data) != size:
            raise InputError.of(f"{len(data)} bytes, {size} in its descriptor", where=self.where(digest))
        if (found := of_bytes(data)) != digest:
            raise InputError.of(f"the content has the digest {found}", where=self.where(digest))
        return data

    def where(self, digest: str) -> str:
        """Return a blob's path in the layout."""
        return f"blobs/sha256/{hex_of(digest)}"

    def blob(self, digest: str) -> Path:
        """Return where a blob is."""
        return self.path / "blobs" / "sha256" / hex_of(digest)


def read_image(layout: Path) -> ReadImage:
    """Read the documents of the image in a layout. Raises `InputError` unless they have their digests and sizes."""
    return read_from(Layout(layout))


def read_from(source: Source, wanted: Collection[str] = ()) -> ReadImage:
    """Read the documents of an image: all platforms, or those wanted. Raises `InputError`, `NetworkError`."""
    media_type, data = source.top()
    top = _parsed(data, source.name)
    if media_type in MANIFESTS:
        only = _read_platform(source, None, data, media_type)
        kept = (only,) if not wanted or only.platform in wanted else ()
        return ReadImage(digest=of_bytes(data), platforms=kept, offered=(only.platform,))
    if media_type not in INDEXES:
        raise InputError.of(f"media type {media_type!r} is not that of an image", where=source.name)
    rows = _platform_rows(source.name, top)
    chosen = {name: row for name, row in rows.items() if not wanted or name in wanted}
    platforms = []
    for row in chosen.values():
        manifest = source.document(row["digest"], row["size"], manifest=True)
        platforms.append(_read_platform(source, row, manifest, row["mediaType"]))
    return ReadImage(digest=of_bytes(data), platforms=tuple(platforms), offered=tuple(rows))


def validate(layout: Path) -> list[Problem]:
    """Recompute every digest, size and diff ID of a layout; return all that is wrong."""
    source = Layout(layout)
    image = read_from(source)
    used = {image.digest}
    for platform in image.platforms:
        used |= {platform.manifest, platform.config_digest, *(layer.digest for layer in platform.layers)}
    problems = [
        problem
        for layer in distinct_layers(image)
        for problem in check_layer(source.blob(layer.digest), layer, source.where(layer.digest))
    ]
    present = [f"sha256:{path.name}" for path in sorted((layout / "blobs" / "sha256").iterdir())]
    unused = [Problem("no document refers to it", source.where(digest)) for digest in present if digest not in used]
    return problems + unused


def distinct_layers(image: ReadImage) -> tuple[ReadLayer, ...]:
    """Return each layer of an image once."""
    found = {(layer.digest, layer.diff_id): layer for each in image.platforms for layer in each.layers}
    return tuple(found.values())


def check_layer(path: Path, layer: ReadLayer, where: str) -> list[Problem]:
    """Recompute size, digest and diff ID of a layer; return what is wrong."""
    if not path.is_file():
        return [Problem("the layer is missing", where)]
    if path.stat().st_size != layer.size:
        return [Problem(f"{path.stat().st_size} bytes, {layer.size} in the manifest", where)]
    problems = []
    if (found := of_file(path)) != layer.digest:
        problems.append(Problem(f"the content has the digest {found}", where))
    try:
        diff_id = diff_id_of(path, layer.media_type)
    except InputError as error:
        return [*problems, Problem(error.problems[0].message, where)]
    if diff_id != layer.diff_id:
        problems.append(Problem(f"the diff ID is {diff_id}, {layer.diff_id} in the configuration", where))
    return problems


def diff_id_of(path: Path, media_type: str) -> Digest:
    """Return the digest of what a compressed layer holds. Raises `InputError` for one that is broken."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in inflated(file, LAYERS[media_type]):
            digest.update(piece)
    return Digest(f"sha256:{digest.hexdigest()}")


def list_files(path: Path, layer: ReadLayer) -> Iterator[ListedFile]:
    """Yield the paths of a layer, whose blob is at `path`, in its order. Raises `InputError` for no archive."""
    kinds = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hardlink"}
    with path.open("rb") as file:
        stream = cast(Any, Inflated(file, LAYERS[layer.media_type]))
        try:
            with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
                for each in archive:
                    kind = kinds.get(each.type, "file")
                    yield ListedFile(path=each.name, kind=kind, mode=each.mode, size=each.size, target=each.linkname)
        except tarfile.TarError as error:
            raise InputError.of(f"not an archive: {error}", where=layer.digest) from None


def _platform_rows(where: str, top: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the descriptors of an index by platform; of several variants the usual one. Attestations are none."""
    found: dict[str, dict[str, Any]] = {}
    for each in _list(where, top, "manifests"):
        row = _descriptor(where, each, MANIFEST_TYPES)
        stated = row.get("platform")
        stated = stated if isinstance(stated, dict) else {}
        name = f"{stated.get('os')}/{stated.get('architecture')}"
        if name == "unknown/unknown":
            continue
        if stated.get("variant", "") in _USUAL_VARIANTS:
            found.setdefault(name, row)
    return found


def _read_platform(source: Source, row: Mapping[str, Any] | None, data: bytes, media_type: str) -> ReadPlatform:
    digest = of_bytes(data)
    if media_type not in MANIFESTS:
        raise InputError.of(f"media type {media_type!r} is not that of a manifest", where=source.where(digest))
    manifest = _parsed(data, source.where(digest))
    config_row = _descriptor(source.name, manifest.get("config"), CONFIGS)
    text = source.document(config_row["digest"], config_row["size"], manifest=False)
    where = source.where(config_row["digest"])
    config = _parsed(text, where)
    name = f"{config.get('os')}/{config.get('architecture')}"
    stated = (row or {}).get("platform") or {}
    if row is not None and f"{stated.get('os')}/{stated.get('architecture')}" != name:
        raise InputError.of(f"the index says another platform than the configuration, which is of {name}", where=where)
    return ReadPlatform(
        platform=name,
        manifest=digest,
        config_digest=config_row["digest"],
        config=config,
        layers=_read_layers(source, manifest, config, where),
        documents={digest: data, config_row["digest"]: text},
        manifest_type=media_type,
    )


def _read_layers(
    source: Source, manifest: Mapping[str, Any], config: Mapping[str, Any], where: str
) -> tuple[ReadLayer, ...]:
    rows = [_descriptor(source.name, each, tuple(LAYERS)) for each in _list(source.name, manifest, "layers")]
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if (
        not isinstance(diff_ids, list)
        or len(rows) != len(diff_ids)
        or not all(is_digest(str(each)) for each in diff_ids)
    ):
        raise InputError.of("the configuration has other layers than the manifest", where=where)
    titles = _titles(config, len(rows))
    return tuple(
        ReadLayer(
            holds=title,
            digest=each["digest"],
            size=each["size"],
            diff_id=Digest(str(diff_id)),
            media_type=each["mediaType"],
        )
        for each, diff_id, title in zip(rows, diff_ids, titles, strict=True)
    )


def _titles(config: Mapping[str, Any], count: int) -> list[str]:
    """Return what the history says of each layer; nothing where it does not say it of every one."""
    history = config.get("history")
    rows = history if isinstance(history, list) else []
    lines = [each for each in rows if isinstance(each, dict) and not each.get("empty_layer")]
    if len(lines) != count:
        return [""] * count
    return [_title(str(each.get("created_by", ""))) for each in lines]


def _title(line: str) -> str:
    """Return what a line of history says: of ours, what the layer holds."""
    return line.partition(": ")[2] if line.startswith("onedigest ") else " ".join(line.split())


def _descriptor(where: str, row: Any, media_types: Collection[str]) -> dict[str, Any]:
    """Check a descriptor (OCI image specification, descriptor.md); a digest must be one, for it becomes a path."""
    if (
        not isinstance(row, dict)
        or not is_digest(str(row.get("digest")))
        or not isinstance(row.get("size"), int)
        or isinstance(row["size"], bool)
        or row["size"] < 0
    ):
        raise InputError.of(f"not a descriptor: {row!r}"[:400], where=where)
    if row.get("mediaType") not in media_types:
        raise InputError.of(f"media type {row.get('mediaType')!r} is not known", where=where)
    if row["mediaType"] not in LAYERS and row["size"] > DOCUMENT_BYTES:
        raise InputError.of(f"a document of {row['size']} bytes; {DOCUMENT_BYTES} are the most", where=where)
    return row


def _parsed(data: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError.of(f"not JSON: {error}", where=where) from None
    if not isinstance(found, dict):
        raise InputError.of("not a JSON object", where=where)
    return found


def _limited(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InputError.of(f"not an OCI layout: {error.strerror}", where=str(path)) from None
    if len(data) > DOCUMENT_BYTES:
        raise InputError.of(f"larger than {DOCUMENT_BYTES} bytes", where=str(path))
    return data


def _list(where: str, document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list) or not found:
        raise InputError.of(f"no `{key}`", where=where)
    return found
