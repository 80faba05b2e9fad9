"""The bill of materials of an image as CycloneDX: the same bytes for the same image."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from onedigest.assembler.image import Image
from onedigest.attestation.base_components import Below, make_base, make_debian_below, make_python_below
from onedigest.attestation.components import add_property, describe, make_component
from onedigest.attestation.debian_components import make_debian_component, make_system
from onedigest.attestation.image_component import make_image_component
from onedigest.definition.files import File
from onedigest.digest import Digest, canonical_json
from onedigest.formats import CREATED
from onedigest.from_source.model import Kind
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Lock, LockedPackage, Wheel

_SPACE = uuid.UUID("6a3f4d6e-5d0c-5b0e-9f0a-0d1f2c3b4a59")
"""The name space of our serial numbers (RFC 9562, section 5.5)."""


@dataclass(frozen=True, kw_only=True)
class Materials:
    """What an image is made of. `assembler` is the zipapp's digest, and `below` what the image below has installed.

    Licences, and what a .deb states of its source, are read when they are needed.
    """

    name: str
    image: Image
    lock: Lock
    assembler: Digest
    root: str
    files: tuple[File, ...]
    below: Below
    licences_of_wheel: Callable[[Wheel], tuple[str, ...]]
    licences_of_debian: Callable[[DebianPackage], tuple[str, ...]]
    source_of_debian: Callable[[DebianPackage], tuple[str, ...]]


def make_sbom(materials: Materials) -> bytes:
    """Return the bill of materials of an image: system, wheels, Debian packages, base, files, and what needs what."""
    lock = materials.lock
    image = make_image_component(materials.name, materials.image)
    tool = make_component(ComponentType.APPLICATION, "onedigest assembler", "", materials.assembler, None)
    wheels = _wheels(materials)
    debian = [_debian(each, materials) for each in lock.base.debian_packages]
    debian += make_debian_below(lock, materials.below)
    system = [found] if (found := make_system(lock.base)) else []
    base, python = list(make_base(lock.base)), make_python_below(lock, materials.below)
    files = [
        make_component(ComponentType.FILE, file.path_in(materials.root), "", file.digest, None)
        for file in materials.files
    ]
    bom = Bom(
        serial_number=uuid.uuid5(_SPACE, f"{materials.image.digest} {lock.spec}"),
        metadata=BomMetaData(component=image, timestamp=datetime.fromisoformat(CREATED)),
        components=[*wheels.values(), *system, *debian, *base, *python, *files],
    )
    bom.metadata.tools.components.add(tool)
    roots = [component for (package, _), component in wheels.items() if package in lock.roots]
    bom.register_dependency(image, [*roots, *(system or debian), *base, *files])
    for each in system:
        bom.register_dependency(each, debian)  # that is how trivy knows of which system packages are
    for each in base:
        bom.register_dependency(each, python)
    for component, needed in _edges(lock, wheels):
        bom.register_dependency(component, needed)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    if base:  # of its files nothing else is known than what its lists of packages say
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": [each.bom_ref.value for each in base]}]
    return canonical_json(document)


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


def _wheel(package: LockedPackage, wheel: Wheel, lock: Lock, licences: tuple[str, ...]) -> Component:
    users = [platform for platform, each in package.wheels if each == wheel]
    component = make_component(
        ComponentType.LIBRARY, package.name, package.version, wheel.digest, _purl_of_wheel(package, wheel)
    )
    if package.origin:
        add_property(component, "onedigest:built-from", str(package.origin))
    return describe(component, licences, users, lock.platforms)


def _purl_of_wheel(package: LockedPackage, wheel: Wheel) -> PackageURL:
    """Return the package URL of a wheel: a project of one's own may have the name of another one in an index."""
    origin = package.origin
    if origin is None or origin.kind is Kind.ARCHIVE:
        name = origin.path if origin else wheel.name
        return PackageURL("pypi", None, package.name, package.version, {"file_name": name})
    qualifiers = {"vcs_url": f"git+{origin.path}@{origin.commit}"} if origin.kind is Kind.GIT else None
    return PackageURL("generic", None, package.name, package.version, qualifiers, origin.subdirectory or None)


def _debian(package: DebianPackage, materials: Materials) -> Component:
    lock = materials.lock
    component = make_debian_component(package, lock.base, materials.source_of_debian(package))
    return describe(component, materials.licences_of_debian(package), package.platforms, lock.platforms)


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
