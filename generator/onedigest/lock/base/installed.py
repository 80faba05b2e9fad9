"""The packages of the image below, by the lists that it keeps of them itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from onedigest import untrusted
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.wheel_metadata import canonical_name
from onedigest.debian.index import installed
from onedigest.lock.base import Base
from onedigest.lock.base.probe import EXAMINER, dpkg_status
from onedigest.oci.rootfs import Rootfs, cached_rootfs, read_rootfs
from onedigest.platforms import Platform
from onedigest.store import Store

_PROJECT = re.compile(r"(?:.*/)?site-packages/([^/-]+)-([^/-]+)(?:\.dist-info|(?:-py3\.\d{1,3})?\.egg-info)", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class InstalledPackage:
    """A package that an image has. `kind` is that of a package URL; `source` is what a Debian package states of it."""

    kind: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""


def read_below(
    base: Base, platform: Platform, store: Store, fetch: Callable[[tuple[Descriptor, ...]], object]
) -> tuple[InstalledPackage, ...]:
    """Return what the image below has installed, sorted; `fetch` puts layers into the store where that is not cached.

    Debian packages that are put above it are left out: they are another version of what it has. Raises `InputError`
    for lists that are none.
    """
    layers = base.layers(platform)
    rootfs = cached_rootfs(layers, EXAMINER, store)
    if rootfs is None:
        fetch(layers)
        rootfs = read_rootfs([(each, store.path(each.digest)) for each in layers], EXAMINER, store)
    above = {each.name for each in base.debian_packages if platform in each.platforms}
    debian = (each for each in _debian(rootfs) if each.name not in above)
    return tuple(sorted({*debian, *_projects(rootfs)}))


def _debian(rootfs: Rootfs) -> Iterator[InstalledPackage]:
    for stanza in installed(dpkg_status(rootfs)).values():
        with suppress(ValueError):
            yield InstalledPackage(
                kind="deb",
                name=stanza.name,
                version=stanza.version,
                architecture=untrusted.word(stanza.architecture),
                source=stanza.fields.get("Source", ""),
            )


def _projects(rootfs: Rootfs) -> Iterator[InstalledPackage]:
    """Yield the Python projects that have metadata; those of Debian's packages are in dist-packages."""
    for path, _ in rootfs.paths():
        if match := _PROJECT.fullmatch(path):
            with suppress(ValueError):
                name, version = untrusted.project_name(match[1]), untrusted.version(match[2])
                yield InstalledPackage(kind="pypi", name=canonical_name(name), version=version)
