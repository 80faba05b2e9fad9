"""What is written is read by others: docker, podman, buildah, containerd, skopeo, crane and umoci, each under its names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conftest import Project, machine_environment
from named_image import small_image
from onedigest.assembler.image import Image
from onedigest.oci.layout import write
from onedigest.oci.local_image import LayoutArchive
from onedigest.oci.read import read_image
from onedigest.oci.validate import prove
from registry_server import serve_registry

BOTH = ("linux/amd64", "linux/arm64")
REPOSITORY = "127.0.0.1:5000/onedigest-tests/app"
ONE, TWO = [f"{REPOSITORY}:v1"], [f"{REPOSITORY}:v1", f"{REPOSITORY}:latest"]
CONTAINERD = Path("/run/containerd/containerd.sock")


def tool(*command: str, **variables: str) -> str:
    """Run one of the tools, which must succeed; return what it prints."""
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed (`make engines` brings it)")
    done = subprocess.run(
        [program, *command[1:]], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@pytest.fixture(scope="module")
def written(folder: Path) -> Image:
    """An image in archives under one name and under two, and in a layout; and that of one platform in a layout."""
    image, blobs = small_image(folder, BOTH)
    write(image, blobs, folder / "one.tar", names=ONE)
    write(image, blobs, folder / "two.tar", names=TWO)
    write(image, blobs, folder / "layout", names=ONE)
    write(*small_image(folder / "apart", BOTH[:1]), folder / "amd64", names=TWO)
    return image


@pytest.mark.docker
@pytest.mark.parametrize("names", [ONE, TWO])
def test_docker_loads_an_archive_under_its_names(names: list[str], written: Image, folder: Path, docker: str) -> None:
    archive = folder / ("one.tar" if names == ONE else "two.tar")
    try:
        assert tool(docker, "load", "--input", str(archive)) == "".join(f"Loaded image: {name}\n" for name in names)
        for name in names:
            assert tool(docker, "image", "inspect", "--format", "{{.Id}}", name) == f"{written.digest}\n"
    finally:
        subprocess.run([docker, "image", "rm", "--force", *names], capture_output=True, check=False)


def containerd() -> str:
    """Return the socket of a containerd: the one of the docker daemon, or the machine's own."""
    host = os.environ.get("DOCKER_HOST", "").removeprefix("unix://")
    for socket in (Path(host).parent / "exec" / "containerd" / "containerd.sock", CONTAINERD):
        if socket.exists():
            return str(socket)
    pytest.skip("there is no containerd (`make engines` starts one)")


@pytest.mark.docker
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--all-platforms",),  # as k3s does for files in its folder of images
        ("--all-platforms", "--digests", "--snapshotter=overlayfs"),  # as `kind load image-archive` does
        ("--local", "--base-name", REPOSITORY),
    ],
)
def test_containerd_imports_an_archive_under_its_names(options: tuple[str, ...], written: Image, folder: Path) -> None:
    ctr = ("ctr", "--address", containerd(), "--namespace", "onedigest-tests")
    try:
        tool(*ctr, "images", "import", "--no-unpack", *options, str(folder / "two.tar"))
        rows = [line.split() for line in tool(*ctr, "images", "ls").splitlines()[1:]]
        found = {row[0]: row[2] for row in rows if not row[0].startswith("import-")}
    finally:
        tool(*ctr, "images", "rm", "--sync", *tool(*ctr, "images", "ls", "--quiet").split())

    assert found == dict.fromkeys(TWO, written.digest)


@pytest.fixture(scope="module")
def podman(folder: Path) -> Iterator[tuple[str, ...]]:
    """Options of podman and buildah: a store of the tests' own, which needs nothing of the machine.

    Podman refuses a path of more than 50 characters for what it only has while it runs.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as run:
        yield ("--root", str(folder / "podman"), "--runroot", run, "--storage-driver", "vfs")
    shutil.rmtree(folder / "podman", ignore_errors=True)


IMAGES = ("images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}")


def named_in(listed: str) -> Mapping[str, str]:
    return dict(line.split() for line in listed.splitlines())


def test_podman_loads_an_archive_under_its_names(written: Image, folder: Path, podman: tuple[str, ...]) -> None:
    """Of several names podman takes one platform, whose manifest it writes itself."""
    assert tool("podman", *podman, "load", "--input", str(folder / "one.tar")) == f"Loaded image: {ONE[0]}\n"
    assert named_in(tool("podman", *podman, *IMAGES)) == {ONE[0]: written.digest}
    tool("podman", *podman, "load", "--input", str(folder / "two.tar"))
    assert named_in(tool("podman", *podman, *IMAGES)).keys() == set(TWO)


def test_buildah_builds_on_an_archive(written: Image, folder: Path, podman: tuple[str, ...]) -> None:
    tool("buildah", *podman, "from", "--name", "onedigest-tests", f"oci-archive:{folder / 'two.tar'}:latest")
    inspected = json.loads(tool("buildah", *podman, "inspect", "onedigest-tests"))
    tool("buildah", *podman, "rm", "onedigest-tests")

    found = (inspected["FromImage"], inspected["FromImageDigest"])
    assert found == (TWO[1], written.platforms[0].manifest_digest)


def test_skopeo_and_crane_copy_what_is_written(written: Image, folder: Path, tmp_path: Path) -> None:
    with serve_registry(tmp_path) as registry:
        there = f"{registry.host}/app"
        insecure = "--dest-tls-verify=false"
        tool("skopeo", "copy", "--quiet", "--all", insecure, f"oci-archive:{folder}/one.tar", f"docker://{there}:one")
        tool("skopeo", "copy", "--quiet", "--all", insecure, f"oci-archive:{folder}/two.tar:v1", f"docker://{there}:v1")
        tool("crane", "push", str(folder / "layout"), f"{there}:layout")
        tool("crane", "push", str(folder / "one.tar"), f"{there}:alone")
        for tag in ("one", "v1", "layout"):
            assert tool("crane", "digest", f"{there}:{tag}") == f"{written.digest}\n"
        alone = json.loads(tool("crane", "config", f"{there}:alone"))

    assert alone == json.loads(written.platforms[0].config)  # of an archive, crane takes one platform
    assert json.loads(tool("skopeo", "list-tags", f"docker-archive:{folder}/two.tar"))["Tags"] == TWO


def test_umoci_unpacks_a_layout_of_one_platform(written: Image, folder: Path, tmp_path: Path) -> None:
    assert sorted(tool("umoci", "ls", "--layout", str(folder / "amd64")).split()) == ["latest", "v1"]
    assert tool("umoci", "ls", "--layout", str(folder / "layout")) == "v1\n"
    tool("umoci", "unpack", "--rootless", "--image", f"{folder / 'amd64'}:v1", str(tmp_path / "bundle"))
    assert (tmp_path / "bundle/rootfs/opt/venv/lib/python3.13/site-packages/alpha/__init__.py").is_file()


@pytest.fixture(scope="module")
def app(folder: Path, cache: Path) -> Project:
    """A project whose image was built."""
    project = Project(folder / "project", machine_environment(folder, cache))
    project.script("app.py", 'requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"')
    project.ok("build", "app.py")
    return project


@pytest.mark.network
def test_output_is_named_as_the_image_is(app: Project) -> None:
    tags = ("--repository", REPOSITORY, "--tag", "v1", "--tag", "latest")
    plain = app.ok("build", "--output", "out/plain.tar", "app")
    tagged = app.ok("build", "--output", "out/tagged.tar", *tags, "app")

    assert plain.out == tagged.out == f"{read_image(app.root / 'dist' / 'app').digest}\n"
    assert plain.err.endswith(", in out/plain.tar as app:latest\n")
    assert tagged.err.endswith(f", in out/tagged.tar as {', '.join(TWO)}\n")
    assert prove(LayoutArchive(app.root / "out/tagged.tar")) == []
    listed = json.loads(tool("skopeo", "list-tags", f"docker-archive:{app.root}/out/plain.tar"))
    assert listed["Tags"] == ["docker.io/library/app:latest"]
    assert tool("umoci", "ls", "--layout", str(app.root / "dist" / "app")) == "latest\n"


@pytest.mark.network
def test_podman_is_loaded_where_there_is_no_docker(app: Project, tmp_path: Path) -> None:
    script = f"#!/bin/sh\ncase $1 in info) echo linux/arm64 ;; load) /bin/cat >{tmp_path}/got ;; esac\n"
    (tmp_path / "podman").write_text(script)
    (tmp_path / "podman").chmod(0o755)
    loaded = app.ok("build", "--load", "--repository", REPOSITORY, "--tag", "v1", "app.py", PATH=str(tmp_path))

    assert loaded.err.endswith(f"app: loaded as {ONE[0]}\n")
    read = LayoutArchive(tmp_path / "got").read
    (manifest,) = json.loads(read("manifest.json"))
    assert (manifest["RepoTags"], json.loads(read(manifest["Config"]))["architecture"]) == (ONE, "arm64")
