"""The bill of materials as scanners read it: systems, sources, layers, and what the image below has."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation import ValidationError

from base_images import Files, make_tar
from golden import expected_files
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.attestation.base_components import Below
from onedigest.attestation.sbom import Materials, make_sbom
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.lock import text
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.lock.base.installed import InstalledPackage, read_below
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Lock
from onedigest.platforms import ALL, AMD64, ARM64, Platform
from onedigest.store import Store

SPEC = of_bytes(b"spec")


def against_schema(text: str) -> ValidationError | None:
    """Return what the standard's schema finds; its validator takes a second to import."""
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def locked(case: str) -> Lock:
    return text.loads(expected_files(case)["pylock.toml"], "pylock.toml")


def package(name: str, version: str, platform: Platform = AMD64) -> DebianPackage:
    return DebianPackage(
        name=name,
        version=version,
        architecture=platform.debian,
        path=f"pool/{name}.deb",
        digest=of_bytes(f"{name} {version} {platform}".encode()),
        size=1,
        platforms=(platform,),
    )


PACKAGES: Mapping[DebianPackage, tuple[str, ...]] = {
    package("bash", "5.2.15-2+b13"): ("bash", "5.2.15-2"),
    package("bsdutils", "1:2.38.1-5"): ("util-linux", "2.38.1-5"),
    package("git", "1:2.39.5-0"): (),
    package("libc6", "2.36-9"): ("glibc",),
    package("tzdata", "2025b"): (),
}


def debian(packages: Mapping[DebianPackage, tuple[str, ...]] = PACKAGES) -> Lock:
    lock = locked("minimal")
    assert isinstance(lock.base, DebianBase)
    return replace(lock, base=replace(lock.base, packages=tuple(packages)), platforms=(AMD64,))


def image(*platforms: Platform) -> Image:
    layers = [Descriptor(of_bytes(name), of_bytes(name + b"z"), 9) for name in (b"one", b"two")]
    history = [{"created_by": f"onedigest {name}"} for name in ("root: a", "wheels: b")]
    return assemble_index(
        assemble_platform(each.oci, {"os": "linux", "architecture": each.debian, "history": history}, layers)
        for each in platforms
    )


def bill(lock: Lock, below: Below | None = None) -> dict[str, Any]:
    materials = Materials(
        name="app",
        image=image(*lock.platforms),
        lock=lock,
        assembler=SPEC,
        root="/app",
        files=(),
        below=below or {},
        licences_of_wheel=lambda _: ("MIT",),
        licences_of_debian=lambda _: ("GPL-2+",),
        source_of_debian=lambda each: PACKAGES.get(each, ()),
    )
    found: dict[str, Any] = json.loads(make_sbom(materials))
    assert against_schema(json.dumps(found)) is None
    return found


def by_name(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in document["components"]}


def properties(component: Mapping[str, Any], space: str) -> dict[str, str]:
    rows = component.get("properties", [])
    return {each["name"].removeprefix(space): each["value"] for each in rows if each["name"].startswith(space)}


def needs(document: Mapping[str, Any], component: Mapping[str, Any]) -> list[str]:
    rows: list[str] = next(
        row.get("dependsOn", []) for row in document["dependencies"] if row["ref"] == component["bom-ref"]
    )
    return rows


class TestDebian:
    @pytest.mark.parametrize(
        ("name", "purl", "trivy", "syft"),
        [
            ("git", "git@1:2.39.5-0?arch=amd64&distro=debian-12", "git 1 2.39.5 0", ""),
            ("tzdata", "tzdata@2025b?arch=amd64&distro=debian-12", "tzdata 2025b", ""),
            ("libc6", "libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc", "glibc 2.36 9", "glibc"),
            ("bash", "bash@5.2.15-2%2Bb13?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2", "bash 5.2.15 2", "bash 5.2.15-2"),
            ("bsdutils", "bsdutils@1:2.38.1-5?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5", "util-linux 2.38.1 5", "util-linux 2.38.1-5"),
        ],
    )  # fmt: skip
    def test_source_is_told_to_each_scanner(self, name: str, purl: str, trivy: str, syft: str) -> None:
        found = by_name(bill(debian()))[name]
        parts = properties(found, "aquasecurity:trivy:Src")
        kept = properties(found, "syft:metadata:")

        assert found["purl"] == f"pkg:deb/debian/{purl}"
        assert " ".join(parts[key] for key in ("Name", "Epoch", "Version", "Release") if key in parts) == trivy
        assert " ".join(kept[key] for key in ("source", "sourceVersion") if key in kept) == syft
        assert ("syft:package:metadataType" in properties(found, "")) == bool(syft)

    def test_source_is_an_ancestor(self) -> None:
        (source,) = by_name(bill(debian()))["bsdutils"]["pedigree"]["ancestors"]

        assert source["purl"] == "pkg:deb/debian/util-linux@2.38.1-5?arch=source&distro=debian-12"

    def test_system_is_one_and_has_the_packages(self) -> None:
        document = bill(debian())
        (system,) = (each for each in document["components"] if each["type"] == "operating-system")

        assert (system["name"], system["version"]) == ("debian", "12")
        assert len(needs(document, system)) == len(PACKAGES)
        assert needs(document, document["metadata"]["component"]) == [system["bom-ref"]]

    def test_package_has_the_digest_of_its_file(self) -> None:
        git = next(each for each in PACKAGES if each.name == "git")

        assert by_name(bill(debian()))["git"]["hashes"] == [{"alg": "SHA-256", "content": git.digest[7:]}]


class TestImage:
    def test_manifests_and_layers_are_named_in_their_places(self) -> None:
        made = image(*ALL)
        whole = bill(replace(debian({}), platforms=ALL))["metadata"]["component"]
        platforms = {properties(each, "onedigest:")["platforms"]: each for each in whole["components"]}
        layers = {properties(each, "onedigest:")["place"]: each for each in platforms["linux/arm64"]["components"]}

        assert whole["hashes"][0]["content"] == made.digest[7:]
        assert {name: each["hashes"][0]["content"] for name, each in platforms.items()} == {
            each.platform: each.manifest_digest[7:] for each in made.platforms
        }
        assert [(layers[place]["name"], layers[place]["hashes"][0]["content"]) for place in ("1", "2")] == [
            ("onedigest root: a", of_bytes(b"onez")[7:]),
            ("onedigest wheels: b", of_bytes(b"twoz")[7:]),
        ]
        assert properties(layers["2"], "onedigest:") == {
            "diff-id": of_bytes(b"two"),
            "media-type": "application/vnd.oci.image.layer.v1.tar+gzip",
            "place": "2",
        }

    @pytest.mark.parametrize("system", ["linux", "linux 6", ""])
    def test_system_without_a_name_is_not_made_up(self, system: str) -> None:
        lock = locked("image")
        assert isinstance(lock.base, ImageBase)
        document = bill(replace(lock, base=replace(lock.base, system=system)))

        assert not [each for each in document["components"] if each["type"] == "operating-system"]


STATUS = """\
Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b7
Source: bash (5.2.15-2)

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: odd
Status: install ok installed
Architecture: ../etc
Version: 1

Package: git
Status: install ok installed
Architecture: amd64
Version: 1
"""

BASE: Files = {
    "var/lib/dpkg/status": STATUS.encode(),
    "var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 2024a\nArchitecture: all\n",
    "usr/local/lib/python3.12/site-packages/Typing_Extensions-4.0.dist-info": None,
    "usr/local/lib/python3.12/site-packages/pip-25.0.dist-info": None,
    "usr/local/lib/python3.12/site-packages/old-1.5-py3.12.egg-info": b"",
    "usr/local/lib/python3.12/site-packages/bad-1 2.dist-info": None,
    "usr/lib/python3/dist-packages/six-1.0.dist-info": None,
}


class Shelf:
    """A store, and a registry's layers that are brought into it."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.tar = make_tar(files)
        self.store = Store(folder)
        self.brought = 0
        lock = locked("image")
        assert isinstance(lock.base, ImageBase)
        layer = Descriptor(
            of_bytes(self.tar), of_bytes(self.tar), len(self.tar), "application/vnd.oci.image.layer.v1.tar"
        )
        pinned: list[PinnedImage] = [replace(each, layers=(layer,)) for each in lock.base.images]
        base = replace(
            lock.base, images=tuple(pinned), system="debian 12", system_packages=(package("git", "2", AMD64),)
        )
        self.lock = replace(lock, base=base)

    def read(self, platform: Platform = AMD64) -> tuple[InstalledPackage, ...]:
        def bring(layers: tuple[Descriptor, ...]) -> None:
            self.brought += len(layers)
            self.store.add(self.tar)

        return read_below(self.lock.base, platform, self.store, bring)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "store", BASE)


class TestBelow:
    def test_lists_of_the_image_below_are_read_once(self, shelf: Shelf) -> None:
        found = shelf.read()

        assert [(each.kind, each.name, each.version, each.architecture, each.source) for each in found] == [
            ("deb", "bash", "5.2.15-2+b7", "amd64", "bash (5.2.15-2)"),
            ("deb", "tzdata", "2024a", "all", ""),
            ("pypi", "old", "1.5", "", ""),
            ("pypi", "pip", "25.0", "", ""),
            ("pypi", "typing-extensions", "4.0", "", ""),
        ]
        assert shelf.read() == found
        assert shelf.brought == 1

    def test_package_above_is_named_once(self, shelf: Shelf) -> None:
        """It is put above on amd64 alone."""
        assert [each.version for each in shelf.read(ARM64) if each.name == "git"] == ["1"]

    def test_its_packages_are_of_its_system(self, shelf: Shelf) -> None:
        document = bill(shelf.lock, {AMD64: shelf.read(), ARM64: shelf.read(ARM64)})
        found = by_name(document)
        base = next(each for each in document["components"] if each["type"] == "container")
        system = next(each for each in document["components"] if each["type"] == "operating-system")
        bash = "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2"

        assert found["bash"]["purl"] == bash
        assert f"below:{bash}" in needs(document, system)
        assert properties(found["bash"], "aquasecurity:trivy:Src")["Version"] == "5.2.15"
        assert needs(document, base) == [
            "below:pkg:generic/python@3.12.4",
            "below:pkg:pypi/old@1.5",
            "below:pkg:pypi/pip@25.0",
            "below:pkg:pypi/typing-extensions@4.0",
        ]
        assert found["python"]["cpe"] == "cpe:2.3:a:python:python:3.12.4:*:*:*:*:*:*:*"
        assert document["compositions"] == [{"aggregate": "incomplete", "assemblies": [base["bom-ref"]]}]

    def test_list_that_is_none(self, tmp_path: Path) -> None:
        shelf = Shelf(tmp_path / "store", {"var/lib/dpkg/status": b"Package: a1\nVersion: ?\n"})

        with pytest.raises(InputError, match="the version '\\?' of its Debian package `a1` is none"):
            shelf.read()


def test_syft_reads_system_and_sources(tmp_path: Path) -> None:
    """The scanner itself, from the package index."""
    syft = shutil.which("syft", path=str(Path(sys.executable).parent))
    if syft is None:
        pytest.skip("syft is not installed")
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps(bill(debian())))
    done = subprocess.run(
        [syft, "convert", str(path), "--quiet", "--output", "syft-json"],
        env={"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    found = json.loads(done.stdout)
    rows = {each["name"]: each for each in found["artifacts"]}
    sources = {
        name: (row["metadata"]["source"], row["metadata"]["sourceVersion"])
        for name, row in rows.items()
        if "metadata" in row
    }

    assert (found["distro"]["id"], found["distro"]["versionID"]) == ("debian", "12")
    assert {row["type"] for row in rows.values()} == {"deb"}
    assert sources == {"bash": ("bash", "5.2.15-2"), "bsdutils": ("util-linux", "2.38.1-5"), "libc6": ("glibc", "")}
