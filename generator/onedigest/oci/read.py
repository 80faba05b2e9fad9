"""The reading of an image from a layout or a registry: documents with their digests, and lists of layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onedigest.assembler.descriptor import Descriptor
from onedigest.digest import Digest, is_digest, of_bytes
from onedigest.errors import InputError
from onedigest.oci.compression import InflatedStream, most_inflated
from onedigest.oci.documents import (
    MOST_LAYERS,
    check_config,
    check_descriptor,
    check_kind,
    list_rows,
    parse,
)
from onedigest.oci.local_image import Layout
from onedigest.oci.media import CONFIGS, INDEXES, LAYERS, MANIFESTS
from onedigest.oci.platform_manifest import ImageIndex, ImageReader
from onedigest.oci.rootfs import Blob
from onedigest.oci.tar_members import read_members


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
    """An image as a layout or a registry has it.

    `offered` are the platforms that there are to choose from, and `named` is all that its index and the indexes in it
    name, be it an image or not. `walked` are the documents that were read to choose.
    """

    digest: Digest
    platforms: tuple[ReadPlatform, ...]
    offered: tuple[str, ...]
    named: tuple[Mapping[str, Any], ...] = ()
    walked: tuple[Digest, ...] = ()


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
    return read_from(Layout(layout))


def read_from(source: ImageReader, wanted: Collection[str] = ()) -> ReadImage:
    """Read the documents of an image: all platforms, or those wanted. Raises `InputError`, `NetworkError`."""
    media_type, data = source.top()
    top = parse(data, source.name)
    if media_type in MANIFESTS:
        only = _read_platform(source, "", data, media_type)
        kept = (only,) if not wanted or only.platform in wanted else ()
        return ReadImage(digest=of_bytes(data), platforms=kept, offered=(only.platform,))
    if media_type not in INDEXES:
        raise InputError.of(f"media type {media_type!r} is not that of an image", where=source.name)
    index = ImageIndex(source, top)
    chosen = [found for name in wanted or index.platforms() if (found := index.find(name))]
    everything = len(chosen) == len(wanted)
    return ReadImage(
        digest=of_bytes(data),
        platforms=tuple(_read_platform(source, each.platform, each.data, each.media_type) for each in chosen),
        offered=tuple(each.platform for each in chosen) if everything else tuple(index.platforms()),
        named=tuple(index.named.values()),
        walked=index.read,
    )


def distinct_layers(image: ReadImage) -> tuple[ReadLayer, ...]:
    """Return each layer of an image once."""
    found = {(layer.digest, layer.diff_id): layer for each in image.platforms for layer in each.layers}
    return tuple(found.values())


def list_files(blob: Blob, layer: ReadLayer) -> Iterator[ListedFile]:
    """Yield the paths of a layer, in its order. Raises `InputError` for no archive."""
    with blob.open("rb") as file:
        stream = InflatedStream(file, LAYERS[layer.media_type], most_inflated(layer.size))
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


def _read_platform(source: ImageReader, stated: str, data: bytes, media_type: str) -> ReadPlatform:
    """Read the image of a platform that an index states, or, where there is no index, of its own."""
    digest = of_bytes(data)
    if media_type not in MANIFESTS:
        raise InputError.of(f"media type {media_type!r} is not that of a manifest", where=source.where(digest))
    manifest = parse(data, source.where(digest))
    check_kind(manifest, source.where(digest), index=False)
    _refuse_artifact(manifest, source.name)
    config_row = check_descriptor(source.name, manifest.get("config"), CONFIGS)
    text = source.document(config_row["digest"], config_row["size"], manifest=False)
    where = source.where(config_row["digest"])
    config = parse(text, where)
    name = check_config(config, where)
    config["config"] = config.get("config") or {}
    if stated and not f"{stated}/".startswith(f"{name}/"):
        raise InputError.of(f"the index says another platform than the configuration, which is of {name}", where=where)
    return ReadPlatform(
        platform=stated or name,
        manifest=digest,
        config_digest=config_row["digest"],
        config=config,
        annotations=_annotations(manifest.get("annotations")),
        layers=_read_layers(source, manifest, config, where),
    )


def _refuse_artifact(manifest: Mapping[str, Any], where: str) -> None:
    """Refuse what is kept in a registry and is no image, such as a chart of Helm."""
    config = manifest.get("config")
    kind = config.get("mediaType") if isinstance(config, dict) else None
    if isinstance(kind, str) and kind not in CONFIGS:
        raise InputError.of(f"it is no image, but an artifact of the type {kind!r}"[:400], where=where)


def _annotations(stated: Any) -> dict[str, str]:
    """Return the annotations that have the form of some (annotations.md)."""
    rows = stated.items() if isinstance(stated, dict) else ()
    return {name: text for name, text in rows if isinstance(text, str)}


def _read_layers(
    source: ImageReader, manifest: Mapping[str, Any], config: Mapping[str, Any], where: str
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
