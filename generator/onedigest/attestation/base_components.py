"""The image below in a bill of materials, where its packages have no files of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cyclonedx.model.component import Component, ComponentType
from packageurl import PackageURL

from onedigest.attestation.components import describe, make_component
from onedigest.attestation.debian_components import make_installed_component
from onedigest.lock.base import Base
from onedigest.lock.base.installed import InstalledPackage
from onedigest.lock.model import Lock
from onedigest.oci.reference import parse_reference
from onedigest.platforms import Platform

Below = Mapping[Platform, Sequence[InstalledPackage]]
"""What the image below has on each platform."""

_DEBIANS = ("/usr/bin/", "/bin/")
"""Where the Python of a Debian package is."""


def make_base(base: Base) -> Iterator[Component]:
    """Yield the component of the image below, if there is one."""
    if origin := base.origin:
        name, tag = origin.repository.rpartition("/")[2], parse_reference(base.reference).tag
        purl = PackageURL("oci", None, name, origin.digest, {"repository_url": origin.name, "tag": tag})
        yield make_component(ComponentType.CONTAINER, origin.name, tag, origin.digest, purl)


def make_debian_below(lock: Lock, below: Below) -> list[Component]:
    """Return the components of the Debian packages of the image below."""
    return [
        describe(make_installed_component(each, lock.base), (), users, lock.platforms)
        for each, users in _users(below)
        if each.kind == "deb"
    ]


def make_python_below(lock: Lock, below: Below) -> list[Component]:
    """Return the components of the Python projects of the image below, and of its Python where no package has it."""
    found = [
        describe(_without_file(PackageURL("pypi", None, each.name, each.version)), (), users, lock.platforms)
        for each, users in _users(below)
        if each.kind == "pypi"
    ]
    if lock.base.origin and not lock.base.interpreter.startswith(_DEBIANS):
        python = _without_file(PackageURL("generic", None, "python", lock.base.python))
        python.cpe = f"cpe:2.3:a:python:python:{lock.base.python}:*:*:*:*:*:*:*"
        found.append(python)
    return found


def _without_file(purl: PackageURL) -> Component:
    """Return the component of something below, which has no digest of its own."""
    return Component(
        type=ComponentType.LIBRARY, name=purl.name, version=purl.version, bom_ref=f"below:{purl}", purl=purl
    )


def _users(below: Below) -> list[tuple[InstalledPackage, list[Platform]]]:
    """Return each package with the platforms whose images have it, sorted."""
    found: dict[InstalledPackage, list[Platform]] = {}
    for platform, packages in below.items():
        for each in packages:
            found.setdefault(each, []).append(platform)
    return sorted(found.items())
