"""Debian packages and their system as scanners read them: advisories are about the sources of one release."""

from __future__ import annotations

from collections.abc import Iterator

from cyclonedx.model.component import Component, ComponentType, Pedigree
from packageurl import PackageURL

from onedigest.attestation.components import add_property, make_component
from onedigest.attestation.debian_source import DebianSource, read_field, source_of
from onedigest.lock.base import Base
from onedigest.lock.base.installed import InstalledPackage
from onedigest.lock.base.packages import DebianPackage


def make_system(base: Base) -> Component | None:
    """Return the operating system of an image, by ID and VERSION_ID of its os-release; None where it has no name."""
    name, _, version = base.operating_system.partition(" ")
    if name in ("", "linux"):  # the default of ID (os-release(5))
        return None
    return Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=name,
        version=version or None,
        bom_ref=f"operating-system:{_distribution(base)}",
    )


def make_debian_component(package: DebianPackage, base: Base, stated: tuple[str, ...]) -> Component:
    """Return the component of a package whose file states this source.

    The package URL has the qualifiers that syft writes and grype reads. trivy reads properties of its own instead,
    and so did grype in former times: without them advisories of a source with another name are missed.
    """
    purl = _purl("debian", package, base, stated)
    component = make_component(ComponentType.LIBRARY, package.name, package.version, package.digest, purl)
    return _with_source(component, purl, stated)


def make_installed_component(package: InstalledPackage, base: Base) -> Component:
    """Return the component of a package of the image below, whose system may be one that is made of Debian's."""
    stated = read_field(package.source)
    purl = _purl(base.operating_system.partition(" ")[0], package, base, stated)
    component = Component(
        type=ComponentType.LIBRARY, name=package.name, version=package.version, bom_ref=f"below:{purl}", purl=purl
    )
    return _with_source(component, purl, stated)


def _purl(vendor: str, package: DebianPackage | InstalledPackage, base: Base, stated: tuple[str, ...]) -> PackageURL:
    qualifiers = {"arch": package.architecture, "distro": _distribution(base)}
    if stated:
        qualifiers["upstream"] = "@".join(stated)
    return PackageURL("deb", vendor, package.name, package.version, qualifiers)


def _with_source(component: Component, own: PackageURL, stated: tuple[str, ...]) -> Component:
    """Add the source of a package in the document's own terms, and in those of scanners."""
    source = source_of(component.name, component.version or "", stated)
    qualifiers = {"arch": "source", "distro": dict(own.qualifiers)["distro"]}
    purl = PackageURL("deb", own.namespace, source.name, source.version, qualifiers)
    ancestor = Component(type=ComponentType.LIBRARY, name=source.name, version=source.version, purl=purl)
    component.pedigree = Pedigree(ancestors=[ancestor])
    for name, value in (*_for_trivy(source), *_for_syft(stated)):
        add_property(component, name, value)
    return component


def _distribution(base: Base) -> str:
    """Return how package URLs name a release, such as `debian-12`."""
    return base.operating_system.replace(" ", "-")


def _for_trivy(source: DebianSource) -> Iterator[tuple[str, str]]:
    """Yield the source as trivy writes it: the three parts of its version apart (Debian Policy, section 5.6.12)."""
    epoch, colon, rest = source.version.partition(":")
    if not colon:
        epoch, rest = "", source.version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    parts = {"Name": source.name, "Epoch": epoch, "Version": upstream, "Release": revision}
    for name, value in parts.items():
        if value:
            yield f"aquasecurity:trivy:Src{name}", value


def _for_syft(stated: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what syft keeps of a field Source that is there."""
    if stated:
        yield "syft:package:metadataType", "dpkg-db-entry"
        yield from zip(("syft:metadata:source", "syft:metadata:sourceVersion"), stated, strict=False)
