"""The configuration, manifest and index that make layers an image, as bytes (OCI image specification 1.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onedigest.assembler.canonical import canonical_json
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.refusal import Refused

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"

Annotations = Mapping[str, str]
_NONE: Annotations = {}

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """The image of one platform. `config` and `manifest` are the bytes that their digests are taken of."""

    platform: str
    config: bytes
    manifest: bytes
    layers: tuple[Descriptor, ...]

    @property
    def config_digest(self) -> str:
        """The digest of the configuration, which some tools call the image ID."""
        return digest_of(self.config)

    @property
    def manifest_digest(self) -> str:
        """The digest of the manifest."""
        return digest_of(self.manifest)


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one or several platforms, sorted by their names."""

    platforms: tuple[PlatformImage, ...]
    index: bytes

    @property
    def digest(self) -> str:
        """The digest of the index: what the image is known by."""
        return digest_of(self.index)

    def documents(self) -> dict[str, bytes]:
        """Return configurations, manifests and index by digest."""
        both = (document for each in self.platforms for document in (each.config, each.manifest))
        return {digest_of(document): document for document in (*both, self.index)}

    def layers(self) -> tuple[Descriptor, ...]:
        """Return the distinct layers of all platforms, sorted by digest."""
        found = {layer.digest: layer for each in self.platforms for layer in each.layers}
        return tuple(found[digest] for digest in sorted(found))


def assemble_platform(
    platform: str, config: Mapping[str, Any], layers: Sequence[Descriptor], annotations: Annotations = _NONE
) -> PlatformImage:
    """Complete a configuration with the layers' diff IDs and make the manifest.

    `config` has everything but `rootfs`, with one line of history for each layer.
    """
    if len(config.get("history", ())) != len(layers):
        raise Refused(
            "image", f"{platform}: {len(layers)} layers, but {len(config.get('history', ()))} lines of history"
        )
    config_bytes = _config_bytes(config, [layer.diff_id for layer in layers])
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _described(CONFIG_TYPE, config_bytes),
        "layers": [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size} for layer in layers],
        **_annotated(annotations),
    }
    return PlatformImage(platform, config_bytes, canonical_json(manifest), tuple(layers))


def assemble_index(platforms: Iterable[PlatformImage], annotations: Annotations = _NONE) -> Image:
    """Make the index of the images of several platforms."""
    ordered = tuple(sorted(platforms, key=lambda each: each.platform))
    manifests = []
    for each in ordered:
        system, _, architecture = each.platform.partition("/")
        described = _described(MANIFEST_TYPE, each.manifest)
        manifests.append({**described, "platform": {"architecture": architecture, "os": system}})
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests, **_annotated(annotations)}
    return Image(ordered, canonical_json(index))


def layout_index(image: Image) -> bytes:
    """Return the `index.json` of an OCI layout that holds the image (image-layout.md)."""
    return canonical_json(
        {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [_described(INDEX_TYPE, image.index)]}
    )


def digest_of(document: bytes) -> str:
    """Return the digest of a document."""
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def _config_bytes(config: Mapping[str, Any], diff_ids: Sequence[str]) -> bytes:
    """Return the text of a configuration as Go's encoding/json writes it, so that BuildKit's is the same bytes.

    It is canonical JSON but for two things: `rootfs` has its keys in the order of the specification, and what HTML
    would take for markup is escaped.
    """
    rootfs = b'{"type":"layers","diff_ids":' + canonical_json(list(diff_ids)) + b"}"
    members = {**{key: canonical_json(value) for key, value in config.items()}, "rootfs": rootfs}
    text = b"{" + b",".join(canonical_json(key) + b":" + members[key] for key in sorted(members)) + b"}"
    for character in "<>&\u2028\u2029":
        text = text.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return text


def _annotated(annotations: Annotations) -> dict[str, Any]:
    """Return the member of a document that states annotations: there is none without any (annotations.md)."""
    return {"annotations": dict(annotations)} if annotations else {}


def _described(media_type: str, document: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(document), "size": len(document)}
