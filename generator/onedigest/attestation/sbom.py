"""Knows the bill of materials of an image as CycloneDX: the same bytes for the same image."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.exception import CycloneDxException
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from onedigest.application import File
from onedigest.digest import Digest, canonical_json, hex_of
from onedigest.formats import CREATED
from onedigest.from_source.model import Kind
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Lock, Package, Wheel
from onedigest.oci.reference import Reference, parse_reference
from onedigest.platforms import Platform

_SPACE = uuid.UUID("6a3f4d6e-5d0c-5b0e-9f0a-0d1f2c3b4a59")
"""The name space of our serial numbers (RFC 9562, section 5.5)."""


@dataclass(frozen=True, kw_only=True)
class Materials:
    """What an image is made of. `assembler` is the zipapp's digest. Licences are read when they are needed."""

    name: str
    index: Digest
    lock: Lock
    assembler: Digest
    root: str
    files: tuple[File, ...]
    licences_of_wheel: Callable[[Wheel], tuple[str, ...]]
    licences_of_debian: Callable[[DebianPackage], tuple[str, ...]]


def make_sbom(materials: Materials) -> bytes:
    """Return the bill of materials of an image: wheels, Debian packages, base, files, and what needs what."""
    lock = materials.lock
    image = _component(
        ComponentType.CONTAINER,
        materials.name,
        "",
        materials.index,
        PackageURL("oci", None, materials.name, materials.index),
    )
    tool = _component(ComponentType.APPLICATION, "onedigest assembler", "", materials.assembler, None)
    wheels = _wheels(materials)
    debian = [_debian(each, lock, materials.licences_of_debian(each)) for each in lock.base.debian_packages]
    base = [_base(lock.base.origin, parse_reference(lock.base.reference).tag)] if lock.base.origin else []
    files = [
        _component(ComponentType.FILE, file.path_in(materials.root), "", file.digest, None) for file in materials.files
    ]
    bom = Bom(
        serial_number=uuid.uuid5(_SPACE, f"{materials.index} {lock.spec}"),
        metadata=BomMetaData(component=image, timestamp=datetime.fromisoformat(CREATED)),
        components=[*wheels.values(), *debian, *base, *files],
    )
    bom.metadata.tools.components.add(tool)
    roots = [component for (package, _), component in wheels.items() if package in lock.roots]
    bom.register_dependency(image, [*roots, *debian, *base, *files])
    for component, needed in _edges(lock, wheels):
        bom.register_dependency(component, needed)
    return canonical_json(json.loads(JsonV1Dot6(bom).output_as_string()))


_Key = tuple[tuple[str, str], str]
"""Package and file name of a wheel."""

_Wheels = dict[_Key, Component]


def _wheels(materials: Materials) -> _Wheels:
    lock = materials.lock
    return {
        (package.key, wheel.name): _wheel(package, wheel, lock, materials.licences_of_wheel(wheel))
        for package in lock.packages
        for _, wheel in package.wheels
    }


def _wheel(package: Package, wheel: Wheel, lock: Lock, licences: tuple[str, ...]) -> Component:
    users = [platform for platform, each in package.wheels if each == wheel]
    component = _component(
        ComponentType.LIBRARY, package.name, package.version, wheel.digest, _purl_of_wheel(package, wheel)
    )
    if package.origin:
        component.properties.add(Property(name="onedigest:built-from", value=str(package.origin)))
    return _described(component, licences, users, lock)


def _purl_of_wheel(package: Package, wheel: Wheel) -> PackageURL:
    """Return the package URL of a wheel: a project of one's own may have the name of another one in an index."""
    origin = package.origin
    if origin is None or origin.kind is Kind.ARCHIVE:
        name = origin.path if origin else wheel.name
        return PackageURL("pypi", None, package.name, package.version, {"file_name": name})
    qualifiers = {"vcs_url": f"git+{origin.path}@{origin.commit}"} if origin.kind is Kind.GIT else None
    return PackageURL("generic", None, package.name, package.version, qualifiers, origin.subdirectory or None)


def _debian(package: DebianPackage, lock: Lock, licences: tuple[str, ...]) -> Component:
    qualifiers = {"arch": package.architecture, "distro": lock.base.suite}
    purl = PackageURL("deb", "debian", package.name, package.version, qualifiers)
    component = _component(ComponentType.LIBRARY, package.name, package.version, package.digest, purl)
    return _described(component, licences, package.platforms, lock)


def _base(origin: Reference, tag: str) -> Component:
    name, index = origin.repository.rpartition("/")[2], origin.digest
    purl = PackageURL("oci", None, name, index, {"repository_url": origin.name, "tag": tag})
    return _component(ComponentType.CONTAINER, origin.name, tag, index, purl)


def _component(kind: ComponentType, name: str, version: str, digest: str, purl: PackageURL | None) -> Component:
    return Component(
        type=kind,
        name=name,
        version=version or None,
        bom_ref=str(purl) if purl else f"{name}@{digest}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hex_of(digest))],
    )


def _described(component: Component, licences: Iterable[str], platforms: Iterable[Platform], lock: Lock) -> Component:
    for licence in _licences(tuple(licences)):
        component.licenses.add(licence)
    users = tuple(sorted(platforms))
    if users != lock.platforms:
        names = ",".join(platform.oci for platform in users)
        component.properties.add(Property(name="onedigest:platforms", value=names))
    return component


def _licences(names: tuple[str, ...]) -> list[License]:
    """Return an SPDX identifier or expression where a package states one, else what it calls its licences."""
    factory = LicenseFactory()
    if len(names) == 1:
        try:
            return [factory.make_from_string(names[0])]
        except (CycloneDxException, RecursionError):
            pass
    return [DisjunctiveLicense(name=name) for name in names]


def _edges(lock: Lock, wheels: _Wheels) -> Iterable[tuple[Component, list[Component]]]:
    """Yield each wheel with those that it needs on the platforms that it is for."""
    packages = {package.key: package for package in lock.packages}
    needed: dict[_Key, dict[_Key, None]] = {}
    for package in lock.packages:
        for platform, wheel in package.wheels:
            own = needed.setdefault((package.key, wheel.name), {})
            for key in package.dependencies:
                if other := packages[key].wheel_for(platform):
                    own[key, other.name] = None
    for one, others in needed.items():
        yield wheels[one], [wheels[each] for each in others]
