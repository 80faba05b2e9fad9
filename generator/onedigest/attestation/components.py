"""The parts of an image as a bill of materials describes them: digests, licences and platforms."""

from __future__ import annotations

from collections.abc import Iterable

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.exception import CycloneDxException
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from packageurl import PackageURL

from onedigest.digest import hex_of
from onedigest.platforms import Platform


def make_component(kind: ComponentType, name: str, version: str, digest: str, purl: PackageURL | None) -> Component:
    """Return a component that has a digest; its package URL names it within the document where it has one."""
    return Component(
        type=kind,
        name=name,
        version=version or None,
        bom_ref=str(purl) if purl else f"{name}@{digest}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hex_of(digest))],
    )


def describe(
    component: Component, licences: tuple[str, ...], users: Iterable[Platform], all_of_them: tuple[Platform, ...]
) -> Component:
    """Add the licences of a component, and its platforms where they are not all those of the image."""
    for licence in _licences(licences):
        component.licenses.add(licence)
    platforms = tuple(sorted(users))
    if platforms != all_of_them:
        add_property(component, "onedigest:platforms", ",".join(platform.oci for platform in platforms))
    return component


def add_property(component: Component, name: str, value: str) -> None:
    """Add a property in the name space of the tool that reads it."""
    component.properties.add(Property(name=name, value=value))


def _licences(names: tuple[str, ...]) -> list[License]:
    """Return an SPDX identifier or expression where a package states one, else what it calls its licences."""
    factory = LicenseFactory()
    if len(names) == 1:
        try:
            return [factory.make_from_string(names[0])]
        except (CycloneDxException, RecursionError):
            pass
    return [DisjunctiveLicense(name=name) for name in names]
