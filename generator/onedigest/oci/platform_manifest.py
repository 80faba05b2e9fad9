"""The manifest of an index that is the image of a platform, chosen as containerd chooses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.oci.documents import (
    MOST_ROWS,
    check_descriptor,
    check_kind,
    list_rows,
    parse,
    platform_of,
    stated_platform,
)
from onedigest.oci.media import CONFIGS, INDEXES, MANIFEST_TYPES, MANIFESTS

_DEEPEST = 8
"""Indexes between the first one and a manifest."""


class ImageReader(Protocol):
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


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformManifest:
    """The manifest of a platform, as an index has it."""

    platform: str
    media_type: str
    data: bytes


class _Row(NamedTuple):
    """What may be an image. `platform` is None where it is not stated, and its configuration tells it."""

    platform: str | None
    stated: Mapping[str, Any]


class ImageIndex:
    """An index with the indexes in it, which are read when they are needed, each once."""

    def __init__(self, source: ImageReader, document: Mapping[str, Any]) -> None:
        """Raises `InputError` for what is no index."""
        self._source = source
        self._documents: dict[str, bytes] = {}
        self._inner: dict[str, list[_Row]] = {}
        self._count = 0
        self.named: dict[str, Mapping[str, Any]] = {}
        """All that it names, and the indexes in it that were read, by digest: images and others."""
        check_kind(document, source.name, index=True)
        list_rows(source.name, document, "manifests", MOST_ROWS)
        self._rows = self._read_rows(document, source.name)

    @property
    def read(self) -> tuple[Digest, ...]:
        """What was read to choose."""
        return tuple(map(Digest, self._documents))

    def find(self, platform: str) -> PlatformManifest | None:
        """Return the image of a platform: the first one that states it, else the first whose configuration does.

        Raises `InputError`, and `NetworkError` where a document is not to be had.
        """
        return self._find(self._rows, platform, set(), 0)

    def platforms(self) -> list[str]:
        """Return the platforms of all that may be an image, each once, in the order of the index."""
        return list(dict.fromkeys(self._platforms(self._rows, set(), 0)))

    def _find(self, rows: Sequence[_Row], platform: str, seen: set[str], depth: int) -> PlatformManifest | None:
        stated = [row for row in rows if row.platform == platform]
        for row in (*stated, *(row for row in rows if row.platform is None)):
            found = (
                self._find(self._enter(row, seen, depth), platform, seen, depth + 1)
                if row.stated["mediaType"] in INDEXES
                else self._image(row, platform)
            )
            if found:
                return found
        return None

    def _platforms(self, rows: Sequence[_Row], seen: set[str], depth: int) -> Iterator[str]:
        for row in rows:
            if row.platform is not None:
                yield row.platform
            elif row.stated["mediaType"] in INDEXES:
                yield from self._platforms(self._enter(row, seen, depth), seen, depth + 1)
            elif name := self._own_platform(row):
                yield name

    def _image(self, row: _Row, platform: str) -> PlatformManifest | None:
        """Return what a row stands for, if it is an image of a platform, and no other artifact."""
        data = self._document(row.stated)
        config = parse(data, self._where(row)).get("config")
        kind = config.get("mediaType") if isinstance(config, dict) else None
        if isinstance(kind, str) and kind not in CONFIGS:
            return None
        if row.platform is None and self._own_platform(row) != platform:
            return None
        return PlatformManifest(platform=platform, media_type=row.stated["mediaType"], data=data)

    def _own_platform(self, row: _Row) -> str:
        """Return the platform that the configuration of a manifest states; nothing where it states none."""
        manifest = parse(self._document(row.stated), self._where(row))
        config = manifest.get("config")
        if not isinstance(config, dict) or config.get("mediaType") not in CONFIGS:
            return ""
        checked = check_descriptor(self._where(row), config, CONFIGS)
        data = self._document(checked, manifest=False)
        return platform_of(parse(data, self._source.where(checked["digest"])))

    def _enter(self, row: _Row, seen: set[str], depth: int) -> list[_Row]:
        """Return the rows of an index in the index; none where this walk was there before."""
        checked = check_descriptor(self._source.name, row.stated, INDEXES)
        digest = checked["digest"]
        if digest in seen:
            return []
        seen.add(digest)
        if depth == _DEEPEST:
            raise InputError.of(f"it has indexes in indexes, more than {_DEEPEST} deep", where=self._source.name)
        if digest not in self._inner:
            where = self._source.where(digest)
            document = parse(self._document(checked), where)
            check_kind(document, where, index=True)
            self._inner[digest] = self._read_rows(document, where)
        return self._inner[digest]

    def _read_rows(self, document: Mapping[str, Any], where: str) -> list[_Row]:
        """Return the rows of an index that may be images; those of other media or artifact types are passed over."""
        stated = list_rows(where, document, "manifests", MOST_ROWS) if document.get("manifests") != [] else []
        self._count += len(stated)
        if self._count > MOST_ROWS:
            raise InputError.of(f"more than {MOST_ROWS} manifests with the indexes in it", where=self._source.name)
        found = []
        for each in stated:
            if not isinstance(each, dict) or not all(_is_text(each.get(key)) for key in ("mediaType", "artifactType")):
                raise InputError.of(f"not a descriptor: {each!r}"[:400], where=where)
            if isinstance(each.get("digest"), str):
                self.named.setdefault(each["digest"], each)
            if each.get("mediaType") not in MANIFEST_TYPES or each.get("artifactType") not in (None, "", *CONFIGS):
                continue
            platform = stated_platform(where, each)
            if platform != "":
                found.append(_Row(platform, each))
        return found

    def _document(self, stated: Mapping[str, Any], *, manifest: bool = True) -> bytes:
        """Return a document by its descriptor. Raises `InputError`, `NetworkError`."""
        types = MANIFEST_TYPES if manifest else CONFIGS
        checked = check_descriptor(self._source.name, stated, types)
        digest: Digest = checked["digest"]
        if digest not in self._documents:
            self._documents[digest] = self._source.document(digest, checked["size"], manifest=manifest)
        return self._documents[digest]

    def _where(self, row: _Row) -> str:
        return self._source.where(check_descriptor(self._source.name, row.stated, MANIFESTS)["digest"])


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)
