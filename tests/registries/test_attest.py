"""What is attached to an image: documents that fit their schemas, the same each time, and an image that stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from base_images import MACHINES, RUNNING, Made, put_image, python_files, python_image
from conftest import Project
from fault_proxy import Seen, faults
from index_server import IndexServer
from onedigest import zipapp
from onedigest.assembler.image import INDEX_TYPE
from onedigest.attestation import PREDICATE_TYPE, SBOM_TYPE, STATEMENT_TYPE
from onedigest.attestation.licences import of_wheel
from onedigest.digest import Digest, of_bytes
from onedigest.net.connection import Connection, Pools
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.referrers import list_referrers
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from registry_server import Served, serve_registry
from wheel_builder import build_wheel, zip_bytes

pytestmark = pytest.mark.network

OURS = "cp{}{}".format(*RUNNING.split("."))
"""The tag of wheels for the running Python, which is that of the base."""

TITLES = {SBOM_TYPE: "app.cdx.json", STATEMENT_TYPE: "app.intoto.json"}
"""What a tool calls the files that it pulls."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def app(project: Project, index: IndexServer, served: Served) -> Project:
    """A script with wheels, one of them for each platform, on the image of a registry."""
    status = b"Package: libtwo\nStatus: install ok installed\nArchitecture: all\nVersion: 2\nSource: two (2-1)\n"
    base = {each: Made([{**python_files(each, RUNNING), "var/lib/dpkg/status": status}]) for each in MACHINES}
    put_image(served.host, "attest/base", "3", base)
    build_wheel(index.folder, "alpha", "1.0", requires=["beta"])
    for machine in ("x86_64", "aarch64"):
        build_wheel(index.folder, "beta", "2.0", tag=f"{OURS}-{OURS}-manylinux_2_17_{machine}")
    named = f'base = "{served.host}/attest/base:3"'
    project.script("app.py", 'requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", named)
    return project


def repository(name: str) -> Repository:
    access = Access(pools=Pools(Connection()), credentials=RegistryCredentials((), {}))
    return Repository(parse_reference(name), access, "pull,push")


def attach(app: Project, name: str, **variables: str) -> dict[str, dict[str, Any]]:
    """Push an image with what is attached; return the documents by media type."""
    app.ok("build", "--push", "--attest", "--repository", name, "app.py", **variables)
    return documents(name, index_of(app))


def index_of(app: Project) -> Digest:
    match = re.search(r'(?m)^index = "(sha256:\w+)"', app.read("lockfiles/app/image.toml"))
    assert match
    return Digest(match[1])


def documents(name: str, index: Digest) -> dict[str, dict[str, Any]]:
    place = repository(name)
    found = {}
    for row in list_referrers(place, index):
        manifest = json.loads(place.manifest(row["digest"]).data)
        assert manifest["subject"]["digest"] == index
        assert manifest["subject"]["size"] == len(place.manifest(index).data)
        assert manifest["artifactType"] == row["artifactType"] == manifest["layers"][0]["mediaType"]
        assert manifest["layers"][0]["annotations"]["org.opencontainers.image.title"] == TITLES[row["artifactType"]]
        found[row["artifactType"]] = json.loads(place.blob(manifest["layers"][0]["digest"]))
    return found


def test_documents_fit_their_schemas(served: Served, app: Project) -> None:
    from cyclonedx.validation.json import JsonStrictValidator  # takes a second

    found = attach(app, f"{served.host}/attest/schema")
    statement = ParseDict(found[STATEMENT_TYPE], StatementMessage())
    Statement.copy_from_pb(statement).validate()
    provenance = ParseDict(found[STATEMENT_TYPE]["predicate"], Provenance())

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found[SBOM_TYPE])) is None
    assert provenance.run_details.builder.id.startswith("urn:onedigest:assembler:sha256:")
    assert set(found) == {SBOM_TYPE, STATEMENT_TYPE}


def test_bill_of_materials_names_everything(served: Served, app: Project) -> None:
    sbom = attach(app, f"{served.host}/attest/sbom")[SBOM_TYPE]
    components = {each["bom-ref"]: each for each in sbom["components"]}
    edges = {row["ref"]: row.get("dependsOn", []) for row in sbom["dependencies"]}
    lock = app.read("lockfiles/app/pylock.toml")
    alpha = "pkg:pypi/alpha@1.0?file_name=alpha-1.0-py3-none-any.whl"
    betas = [ref for ref in components if ref.startswith("pkg:pypi/beta@2.0")]

    assert [each["name"] for each in components.values()] == [
        f"{served.host}/attest/base", "/app/app.py", "alpha", "beta", "beta", "libtwo", "python", "example",
    ]  # fmt: skip
    for each in components.values():
        if each["name"] in ("example", "libtwo", "python"):
            assert "hashes" not in each  # they are no files, but said to be in the base
            continue
        digest = each["hashes"][0]["content"]
        assert digest in lock or each["name"] == "/app/app.py"
    assert edges[alpha] == betas
    assert alpha in edges[sbom["metadata"]["component"]["bom-ref"]]
    assert not set(betas) & set(edges[sbom["metadata"]["component"]["bom-ref"]])
    assert [components[ref]["properties"][0]["value"] for ref in betas] == ["linux/arm64", "linux/amd64"]
    assert sbom["metadata"]["component"]["hashes"][0]["content"] == index_of(app)[7:]


def test_base_whose_packages_are_not_known_is_said(served: Served, app: Project) -> None:
    """Once, not for each platform."""
    base = f"{served.host}/attest/plain:1"
    put_image(served.host, "attest/plain", "1", python_image(RUNNING))
    app.write("app.py", app.read("app.py").replace(f"{served.host}/attest/base:3", base))
    result = app.ok("build", "--push", "--attest", "--repository", f"{served.host}/attest/unknown", "app.py")

    assert result.err.count("bill of materials: ") == 1
    assert (
        f"warning: the packages of the base {base} are not in the bill of materials: it has no list of dpkg\n"
        "hint: scan the image itself, such as with syft\n"
    ) in result.err


def test_provenance_names_script_lock_and_assembler_and_no_time(served: Served, app: Project) -> None:
    statement = attach(app, f"{served.host}/attest/provenance")[STATEMENT_TYPE]
    definition = statement["predicate"]["buildDefinition"]
    named = {each["name"]: each["digest"]["sha256"] for each in definition["resolvedDependencies"]}
    lock = app.read("lockfiles/app/pylock.toml")

    assert statement["subject"] == [{"name": "app", "digest": {"sha256": index_of(app)[7:]}}]
    assert statement["predicateType"] == PREDICATE_TYPE
    assert named["app.py"] == of_bytes((app.root / "app.py").read_bytes())[7:]
    assert named["pylock.toml"] == of_bytes(lock.encode())[7:]
    assert named["assembler"] == zipapp.newest()[7:]
    assert named["alpha-1.0-py3-none-any.whl"] in lock
    assert set(statement["predicate"]["runDetails"]) == {"builder"}


def test_documents_are_the_same_each_time_and_the_image_stays(served: Served, app: Project) -> None:
    first = attach(app, f"{served.host}/attest/first")
    digest = repository(f"{served.host}/attest/first").resolve(index_of(app))
    fresh = {"XDG_CACHE_HOME": str(app.root / "fresh"), "PYTHONHASHSEED": "7", "TZ": "Pacific/Kiritimati"}
    second = attach(app, f"{served.host}/attest/second", **fresh)

    assert second == first
    assert digest == index_of(app)


def test_what_is_attached_is_not_made_again(served: Served, app: Project) -> None:
    name = f"{served.host}/attest/again"
    attach(app, name)
    with faults(served.host) as proxy:
        result = app.ok("build", "--push", "--attest", "--repository", f"{proxy.host}/attest/again", "app.py")

        assert {seen.method for seen in proxy.seen} == {"HEAD", "GET"}
    assert result.err.endswith("app: bill of materials and provenance are attached already\n")


def test_other_referrers_stay(served: Served, app: Project) -> None:
    """A signature that someone attached under the tag of referrers is not lost."""
    name = f"{served.host}/attest/others"
    app.ok("build", "--push", "--repository", name, "app.py")
    place = repository(name)
    other = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": place.manifest(index_of(app)).digest,
        "size": 1,
    }
    manifests = json.loads(place.manifest(index_of(app)).data)["manifests"]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [{**manifests[0], "artifactType": "x/signature"}],
    }
    place.put_manifest(f"sha256-{index_of(app)[7:]}", INDEX_TYPE, json.dumps(index).encode())
    app.ok("build", "--push", "--attest", "--repository", name, "app.py")
    kinds = [row.get("artifactType") for row in list_referrers(place, index_of(app))]

    assert kinds == ["x/signature", SBOM_TYPE, STATEMENT_TYPE]
    assert other["digest"] == index_of(app)


def test_registry_that_keeps_a_list_gets_no_tag(served: Served, app: Project) -> None:
    kept: list[dict[str, Any]] = []

    def list_them(seen: Seen, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Keep referrers as the specification says, which Debian's registry does not."""
        if "/referrers/" in seen.path:
            index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": kept}
            return 200, {"content-type": INDEX_TYPE}, json.dumps(index).encode()
        if seen.method == "PUT" and "/manifests/sha256:" in seen.path and seen.body > 650:
            return status, {**headers, "oci-subject": "sha256:x"}, body
        return status, headers, body

    with faults(served.host) as proxy:
        proxy.rewrite = list_them
        app.ok("build", "--push", "--attest", "--repository", f"{proxy.host}/attest/listed", "app.py")
        tagged = [seen for seen in proxy.seen if seen.method == "PUT" and "/manifests/sha256-" in seen.path]

    assert tagged == []
    assert repository(f"{served.host}/attest/listed").resolve(f"sha256-{index_of(app)[7:]}") is None


def test_debian_packages_and_their_licences_are_named(served: Served, project: Project) -> None:
    from cyclonedx.validation.json import JsonStrictValidator  # takes a second

    lines = ("[tool.onedigest]", 'base = "debian:bookworm"', 'platforms = ["linux/amd64"]')
    project.script("app.py", 'requires-python = ">=3.11"', *lines)
    sbom = attach(project, f"{served.host}/attest/debian")[SBOM_TYPE]
    found = {each["name"]: each for each in sbom["components"]}

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sbom)) is None
    assert found["libc6"]["purl"].startswith("pkg:deb/debian/libc6@2.36-")
    assert found["libc6"]["purl"].endswith("?arch=amd64&distro=debian-12&upstream=glibc")
    assert "&upstream=bzip2%401.0.8-5" in found["libbz2-1.0"]["purl"]
    assert (found["debian"]["type"], found["debian"]["version"]) == ("operating-system", "12")
    assert {each["license"]["name"] for each in found["ca-certificates"]["licenses"]} == {"GPL-2+", "MPL-2.0"}
    assert len(found) > 30


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("License-Expression: MIT OR Apache-2.0", ("MIT OR Apache-2.0",)),
        ("License: MIT", ("MIT",)),
        ("License: UNKNOWN", ()),
        ("License: " + "long " * 40, ()),
        ("License: BSD\nClassifier: License :: OSI Approved :: MIT License", ("MIT License",)),
        ("Classifier: License :: OSI Approved\nClassifier: Typing :: Typed", ()),
        ("Classifier: License :: Public Domain\nClassifier: License :: OSI Approved :: BSD License", ("BSD License", "Public Domain")),
        ("", ()),
    ],
)  # fmt: skip
def test_licence_of_a_wheel(fields: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    metadata = f"Metadata-Version: 2.4\nName: alpha\nVersion: 1\n{fields}\n".replace("\n\n", "\n")
    (tmp_path / "alpha.whl").write_bytes(zip_bytes({"alpha-1.dist-info/METADATA": metadata.encode()}))

    assert of_wheel(tmp_path / "alpha.whl") == expected
