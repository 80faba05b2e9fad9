"""The OCI layout that BuildKit exports: what it states of each platform, and what is in its layers."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onedigest import untrusted
from onedigest.digest import hex_of, is_digest
from onedigest.errors import EngineError
from onedigest.oci.compression import inflated
from onedigest.oci.documents import DOCUMENT_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedPlatform:
    """The image of one platform. Layers are (diff ID, file), from below to above."""

    config: Mapping[str, Any]
    layers: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedFile:
    """What a layer says of one path, and a digest of its content."""

    kind: str
    mode: int
    owner: str
    time: float
    size: int
    target: str
    content: str


_MOST_DOCUMENTS = 1000
_GZIP = b"\x1f\x8b"
_KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
}


def read_export(folder: Path) -> dict[str, ExportedPlatform]:
    """Read an exported layout, by platform. Raises `EngineError` for one that is not whole."""
    try:
        described = list(_json(folder / "index.json")["manifests"])
        found: dict[str, ExportedPlatform] = {}
        for _ in range(_MOST_DOCUMENTS):
            if not described:
                break
            document = _json(_blob(folder, described.pop(0)["digest"]))
            if "manifests" in document:
                described += document["manifests"]
                continue
            config = _json(_blob(folder, document["config"]["digest"]))
            files = [_blob(folder, each["digest"]) for each in document["layers"]]
            layers = tuple(zip(config["rootfs"]["diff_ids"], files, strict=True))
            found[f"{config['os']}/{config['architecture']}"] = ExportedPlatform(config=config, layers=layers)
        if described:
            raise ValueError(f"it has more than {_MOST_DOCUMENTS} documents")  # noqa: TRY301  as any other fault
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError.of(f"BuildKit exported no complete OCI layout: {error}") from None
    return found


def read_members(file: Path) -> dict[str, ExportedFile]:
    """Return what a layer holds, compressed or not, by path. Raises `EngineError` for no archive."""
    with opened_layer(file) as archive:
        return dict(_members(archive))


@contextmanager
def opened_layer(file: Path) -> Iterator[tarfile.TarFile]:
    """Open a layer, compressed or not, for reading. Raises `EngineError` for no archive."""
    try:
        with tarfile.open(file, "r:*", encoding="utf-8") as archive:
            yield archive
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, RecursionError) as error:
        raise EngineError.of(f"BuildKit exported a layer that is no archive: {error}") from None


def tar_pieces(file: Path) -> Iterator[bytes]:
    """Yield the tar of a layer, compressed or not."""
    with file.open("rb") as opened:
        compressed = opened.read(2) == _GZIP
        opened.seek(0)
        yield from inflated(opened) if compressed else iter(lambda: opened.read(1 << 20), b"")


def differing_paths(expected: Mapping[str, ExportedFile], found: Mapping[str, ExportedFile]) -> list[str]:
    """Return the paths of which two layers say something else, sorted."""
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))


def difference(path: str, expected: ExportedFile | None, found: ExportedFile | None, names: tuple[str, str]) -> str:
    """Say what differs at a path; `names` are what the two sides are called."""
    if expected is None or found is None:
        return f"/{path}: only {names[found is not None]}"
    pairs = {
        "kind": (expected.kind, found.kind),
        "mode": (f"{expected.mode:04o}", f"{found.mode:04o}"),
        "owner": (expected.owner, found.owner),
        "time": (f"{expected.time:.0f}", f"{found.time:.0f}"),
        "size": (str(expected.size), str(found.size)),
        "target": (expected.target, found.target),
    }
    said = [f"{name} {old} {names[0]}, {new} {names[1]}" for name, (old, new) in pairs.items() if old != new]
    if expected.content != found.content:
        said.append("other content")
    return f"/{path}: {'; '.join(said)}"


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, ExportedFile]]:
    for member in archive:
        digest = hashlib.sha256()
        if member.isreg() and (file := archive.extractfile(member)):
            while piece := file.read(1 << 20):
                digest.update(piece)
        yield (
            member.name,
            ExportedFile(
                kind=_KINDS.get(member.type, "other"),
                mode=member.mode,
                owner=f"{member.uid}:{member.gid}",
                time=member.mtime,
                size=member.size,
                target=member.linkname,
                content=digest.hexdigest(),
            ),
        )


def _json(path: Path) -> Any:
    with path.open("rb") as file:
        data = file.read(DOCUMENT_BYTES + 1)
    if len(data) > DOCUMENT_BYTES:
        raise ValueError(f"{path.name} has more than {DOCUMENT_BYTES} bytes")
    return untrusted.load_json(data)


def _blob(folder: Path, digest: str) -> Path:
    if not is_digest(str(digest)):
        raise ValueError(f"{digest!r} is no digest")
    return folder / "blobs" / "sha256" / hex_of(digest)
