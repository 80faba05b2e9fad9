"""Knows how to read an image, from a layout or a registry, and to prove that it is what its digests say."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, is_digest, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.oci.compression import Inflated, most_inflated
from onedigest.oci.documents import (
    MOST_LAYERS,
    MOST_ROWS,
    check_config,
    check_descriptor,
    list_rows,
    parse,
    stated_platform,
)
from onedigest.oci.local import Archive, Layout
from onedigest.oci.media import CONFIGS, INDEXES, LAYERS, MANIFEST_TYPES, MANIFESTS
from onedigest.oci.rootfs import Blob
from onedigest.oci.tar_members import read_members

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
    """The image of one platform, with its configuration parsed. `annotations` are those of its manifest."""

    platform: str
    manifest: Digest
    config_digest: Digest
    config: dict[str, Any]
    layers: tuple[ReadLayer, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)


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


def read_image(layout: Path) -> ReadImage:
    """Read the documents of the image in a layout. Raises `InputError` unless they have their digests and sizes."""
    return read_from(Layout(layout))


def read_from(source: Source, wanted: Collection[str] = ()) -> ReadImage:
    """Read the documents of an image: all platforms, or those wanted. Raises `InputError`, `NetworkError`."""
    media_type, data = source.top()
    top = parse(data, source.name)
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
    """Recompute every digest, size and diff ID of a layout in a folder; return all that is wrong."""
    return prove(Layout(layout))


def prove(source: Layout | Archive) -> list[Problem]:
    """Recompute every digest, size and diff ID of a layout; return all that is wrong."""
    image = read_from(source)
    used = {image.digest}
    for platform in image.platforms:
        used |= {platform.manifest, platform.config_digest, *(layer.digest for layer in platform.layers)}
    problems: list[Problem] = []
    for layer in distinct_layers(image):
        try:
            problems += check_layer(source.blob(layer.digest), layer, source.where(layer.digest))
        except InputError as error:
            problems += error.problems
    unused = [name for name in source.present() if f"sha256:{name}" not in used]
    return problems + [Problem("no document refers to it", f"blobs/sha256/{name}") for name in unused]


def distinct_layers(image: ReadImage) -> tuple[ReadLayer, ...]:
    """Return each layer of an image once."""
    found = {(layer.digest, layer.diff_id): layer for each in image.platforms for layer in each.layers}
    return tuple(found.values())


def check_layer(blob: Blob, layer: ReadLayer, where: str) -> list[Problem]:
    """Recompute size, digest and diff ID of a layer; return what is wrong."""
    try:
        with blob.open("rb") as file:
            if (size := file.seek(0, os.SEEK_END)) != layer.size:
                return [Problem(f"{size} bytes, {layer.size} in the manifest", where)]
            file.seek(0)
            found = Inflated(file, "").digest()
    except OSError as error:
        return [Problem(f"cannot be read: {error.strerror}", where)]
    problems = []
    if found != layer.digest:
        problems.append(Problem(f"the content has the digest {found}", where))
    try:
        diff_id = diff_id_of(blob, layer)
    except InputError as error:
        return [*problems, Problem(error.problems[0].message, where)]
    if diff_id != layer.diff_id:
        problems.append(Problem(f"the diff ID is {diff_id}, {layer.diff_id} in the configuration", where))
    return problems


def diff_id_of(blob: Blob, layer: ReadLayer) -> Digest:
    """Return the digest of what a compressed layer holds. Raises `InputError` for one that is broken."""
    with blob.open("rb") as file:
        return Inflated(file, LAYERS[layer.media_type], most_inflated(layer.size)).digest()


def list_files(blob: Blob, layer: ReadLayer) -> Iterator[ListedFile]:
    """Yield the paths of a layer, in its order. Raises `InputError` for no archive."""
    with blob.open("rb") as file:
        stream = Inflated(file, LAYERS[layer.media_type], most_inflated(layer.size))
        try:
            for each in read_members(stream):
                kind = "file" if each.kind == "other" else each.kind
                path, target = _shown(each.name), _shown(each.target)
                yield ListedFile(path=path, kind=kind, mode=each.mode, size=each.size, target=target)
        except InputError as error:
            raise InputError.of(error.problems[0].message, where=layer.digest) from None


def _shown(name: str) -> str:
    """Return a name that can be printed: bytes that are no UTF-8 as their numbers."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _platform_rows(where: str, top: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the descriptors of an index by platform; of several variants the usual one. Attestations are none."""
    found: dict[str, dict[str, Any]] = {}
    for each in list_rows(where, top, "manifests", MOST_ROWS):
        row = check_descriptor(where, each, MANIFEST_TYPES)
        stated = stated_platform(where, row)
        if stated and stated[1] in _USUAL_VARIANTS:
            found.setdefault(stated[0], row)
    return found


def _read_platform(source: Source, row: Mapping[str, Any] | None, data: bytes, media_type: str) -> ReadPlatform:
    digest = of_bytes(data)
    if media_type not in MANIFESTS:
        raise InputError.of(f"media type {media_type!r} is not that of a manifest", where=source.where(digest))
    manifest = parse(data, source.where(digest))
    config_row = check_descriptor(source.name, manifest.get("config"), CONFIGS)
    text = source.document(config_row["digest"], config_row["size"], manifest=False)
    where = source.where(config_row["digest"])
    config = parse(text, where)
    name = check_config(config, where)
    config["config"] = config.get("config") or {}
    stated = stated_platform(source.name, row) if row else None
    if row is not None and (stated is None or stated[0] != name):
        raise InputError.of(f"the index says another platform than the configuration, which is of {name}", where=where)
    return ReadPlatform(
        platform=name,
        manifest=digest,
        config_digest=config_row["digest"],
        config=config,
        annotations=_annotations(manifest.get("annotations")),
        layers=_read_layers(source, manifest, config, where),
    )


def _annotations(stated: Any) -> dict[str, str]:
    """Return the annotations that have the form of some (annotations.md)."""
    rows = stated.items() if isinstance(stated, dict) else ()
    return {name: text for name, text in rows if isinstance(text, str)}


def _read_layers(
    source: Source, manifest: Mapping[str, Any], config: Mapping[str, Any], where: str
) -> tuple[ReadLayer, ...]:
    listed = list_rows(source.name, manifest, "layers", MOST_LAYERS)
    rows = [check_descriptor(source.name, each, LAYERS) for each in listed]
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
    lines = [each for each in rows if not each.get("empty_layer")]
    if len(lines) != count:
        return [""] * count
    return [_title(each.get("created_by") or "") for each in lines]


def _title(line: str) -> str:
    """Return what a line of history says: of ours, what the layer holds."""
    return line.partition(": ")[2] if line.startswith("onedigest ") else " ".join(line.split())
