"""What the verbs return: frozen values, which are also the documents of `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from onedigest.errors import Problem
from onedigest.wording import shown


@dataclass(frozen=True, kw_only=True, slots=True)
class LockResult:
    """What locking one image gave.

    `lock` is the path of the lock. `packages` and `wheels` are counted over all platforms; `base` is the reference of
    the base, `python` its version. `changed` are the files that were written and `removed` those that are gone, as
    paths below the folder of locks; `moved` says in words which pins moved.
    """

    name: str
    script: str
    lock: Path
    packages: int
    wheels: int
    base: str
    python: str
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """How many locks were checked, and what is out of date; nothing where all is as it would be written."""

    checked: int
    differences: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchResult:
    """How many inputs an image has, how many bytes they are together, and how many of them were not there before."""

    name: str
    files: int
    bytes: int
    fetched: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformResult:
    """Digests of the manifest and of the configuration of one platform."""

    manifest: str
    config: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BlobCounts:
    """Blobs of a push: there before, mounted from another repository, uploaded, and the bytes of the last."""

    present: int
    mounted: int
    uploaded: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PushResult:
    """Where an image was pushed to: `reference` is `HOST/NAME@sha256:…`. `blobs` is None where it was there whole."""

    reference: str
    tags: tuple[str, ...]
    blobs: BlobCounts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UncompiledFile:
    """A Python file of an image that has no bytecode: its path there, and why Python compiles it at each start."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildResult:
    """What building one image gave.

    `digest` is that of the index, as `sha256:` and 64 hexadecimal digits; `output` the OCI layout or archive, if one
    was written; `made` the layers that were not in the store; `platforms` by names such as `linux/amd64`. `uncompiled`
    are the files without bytecode in layers of the store. `loaded` are the names that docker or podman has it by,
    `attached` the digests of what was attached by media type.
    """

    name: str
    digest: str
    output: Path | None
    made: tuple[str, ...]
    platforms: Mapping[str, PlatformResult]
    uncompiled: tuple[UncompiledFile, ...] = ()
    loaded: tuple[str, ...] | None = None
    pushed: PushResult | None = None
    attached: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A variation that this machine cannot make, and why."""

    variation: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyResult:
    """The digest that an image had under all `variations` of what must not matter."""

    name: str
    digest: str
    variations: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginesResult:
    """What engines built: for each one, digests and diff IDs by what they are of.

    `missing` says why an engine built nothing; `equal` is true where all that built agree.
    """

    name: str
    engines: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, str]
    equal: bool


OPTIONAL = frozenset(("loaded", "pushed", "attached"))
"""Fields that a document has only where they were asked for."""


def as_document(value: object) -> Any:
    """Return a result as values of JSON: fields by their names, paths as they are shown.

    >>> as_document(PushResult(reference="ghcr.io/acme/hello@sha256:0f", tags=("v1",)))
    {'reference': 'ghcr.io/acme/hello@sha256:0f', 'tags': ['v1'], 'blobs': None}
    """
    if is_dataclass(value) and not isinstance(value, type):
        pairs = [(field.name, getattr(value, field.name)) for field in fields(value)]
        return {name: as_document(each) for name, each in pairs if each is not None or name not in OPTIONAL}
    if isinstance(value, Mapping):
        return {str(name): as_document(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_document(each) for each in value]
    return shown(value) if isinstance(value, Path) else value
