"""What an image is called in an archive or a layout: the same image, whatever its names are."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from named_image import small_image
from onedigest.definition.spec import Spec
from onedigest.errors import InputError, UsageError
from onedigest.oci.docker_archive import write_docker_archive
from onedigest.oci.layout import holds, write
from onedigest.oci.local_image import LayoutArchive
from onedigest.oci.name_annotations import full_name
from onedigest.oci.read import read_from, read_image
from onedigest.oci.validate import prove
from onedigest.store import Store
from onedigest.workspace.output_names import names_of

BOTH = ("linux/arm64", "linux/amd64")


def documents(archive: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two documents of an archive that say what its image is called."""
    read = LayoutArchive(archive).read
    return json.loads(read("index.json")), json.loads(read("manifest.json"))[0]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("app:latest", "docker.io/library/app:latest"),
        ("acme/app:1", "docker.io/acme/app:1"),
        ("ghcr.io/acme/app:1", "ghcr.io/acme/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"),
        ("[::1]:5000/app:1", "[::1]:5000/app:1"),
    ],
)
def test_names_are_completed_as_docker_does(name: str, full: str) -> None:
    assert full_name(name) == full


@pytest.mark.parametrize(
    ("names", "platform", "said", "classic"),
    [
        (["app:1", "app:2"], "linux/arm64", [("docker.io/library/app:1", "1"), ("docker.io/library/app:2", "2")], "arm64"),
        (["localhost:5000/a/b:v1.0"], "linux/s390x", [("localhost:5000/a/b:v1.0", "v1.0")], "amd64"),
        (["ghcr.io/acme/app:latest"], "", [("ghcr.io/acme/app:latest", "latest")], "amd64"),
    ],
)  # fmt: skip
def test_archive_names_the_image_for_every_reader(
    names: Sequence[str], platform: str, said: list[tuple[str, str]], classic: str, tmp_path: Path
) -> None:
    image, blobs = small_image(tmp_path, BOTH)
    with (tmp_path / "archive").open("wb") as file:
        write_docker_archive(image, blobs, names, platform, file)
    index, manifest = documents(tmp_path / "archive")

    assert [each["digest"] for each in index["manifests"]] == [image.digest] * len(names)
    assert [each["annotations"] for each in index["manifests"]] == [
        {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag} for name, tag in said
    ]
    assert manifest["RepoTags"] == [name for name, _ in said]
    with tarfile.open(tmp_path / "archive") as archive:
        assert {manifest["Config"], *manifest["Layers"]} <= set(archive.getnames())
        configuration = archive.extractfile(manifest["Config"])
        assert configuration is not None
        assert json.load(configuration)["architecture"] == classic


def test_names_do_not_move_the_digest_and_the_same_names_give_the_same_bytes(tmp_path: Path) -> None:
    image, blobs = small_image(tmp_path, BOTH)
    for file, names in (("a", ["app:1"]), ("b", ["app:1"]), ("c", ["localhost:5000/other:2", "x/y:3"]), ("d", [])):
        write(image, blobs, tmp_path / f"{file}.tar", names=names)

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    for file in "acd":
        assert prove(LayoutArchive(tmp_path / f"{file}.tar")) == []
        assert read_from(LayoutArchive(tmp_path / f"{file}.tar")).digest == image.digest


def test_layout_is_that_of_its_names(tmp_path: Path) -> None:
    image, blobs = small_image(tmp_path, BOTH)
    write(image, blobs, tmp_path / "layout", names=["app:1", "app:2"])
    index = json.loads((tmp_path / "layout" / "index.json").read_bytes())

    assert [each["annotations"]["org.opencontainers.image.ref.name"] for each in index["manifests"]] == ["1", "2"]
    assert read_image(tmp_path / "layout").digest == image.digest
    store = Store(tmp_path / "store")
    assert holds(tmp_path / "layout", image, store, names=["app:1", "app:2"])
    assert not holds(tmp_path / "layout", image, store, names=["app:1"])
    assert not holds(tmp_path / "layout", image, store)


def test_archive_replaces_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    with pytest.raises(InputError) as error:
        write(*small_image(tmp_path, BOTH), tmp_path / "a.tar")

    (problem,) = error.value.problems
    assert (problem.where, problem.message) == (str(tmp_path / "a.tar"), "the output is a folder")
    assert problem.hint == "name a file, or a folder without .tar"


def spec(repository: str = "") -> Spec:
    return Spec(name="app", script="app.py", entrypoint=(), repository=repository)


@pytest.mark.parametrize(
    ("repository", "named", "tags", "names"),
    [
        ("", "", (), ["app:latest"]),
        ("", "", ("v1", "latest", "v1"), ["app:v1", "app:latest"]),
        ("ghcr.io/acme/app", "", (), ["ghcr.io/acme/app:latest"]),
        ("ghcr.io/acme/app", "localhost:5000/x", ("v1",), ["localhost:5000/x:v1"]),
        ("", "other", ("v1",), ["other:v1"]),
        ("", "GHCR.io:443/acme/app", ("V1",), ["ghcr.io:443/acme/app:V1"]),
        ("", "acme/app", ("v1",), ["acme/app:v1"]),
    ],
)
def test_image_is_called_by_its_repository_or_else_its_own_name(
    repository: str, named: str, tags: tuple[str, ...], names: list[str]
) -> None:
    assert list(names_of(spec(repository), named, tags)) == names


@pytest.mark.parametrize(
    ("named", "error", "message"),
    [
        ("ghcr.io/a/b:v1", UsageError, "`ghcr.io/a/b:v1` names a tag or a digest"),
        ("Acme/app", InputError, "`Acme/app` is not the reference of an image"),
        ("https://ghcr.io/a/b", InputError, "`https://ghcr.io/a/b` is not the reference of an image"),
    ],
)
def test_what_is_no_repository_is_refused(named: str, error: type[InputError | UsageError], message: str) -> None:
    with pytest.raises(error) as raised:
        names_of(spec(), named, ())

    assert raised.value.problems[0].message == message
