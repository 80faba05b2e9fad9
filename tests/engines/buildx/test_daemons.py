"""Docker daemons that cannot do what is asked: said by name, with the remedy, and nothing of a build is kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import Project
from docker_daemon import other_daemon, run_image
from named_image import small_image
from onedigest.oci.layout import write

pytestmark = [pytest.mark.docker, pytest.mark.network]

METADATA = ('requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"')
EMULATION = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
CONTAINERD = {"features": {"containerd-snapshotter": True}}


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of a size; yield its folder."""
    folder.mkdir()
    if os.geteuid():
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(folder)], check=True)


@contextmanager
def no_emulation() -> Iterator[None]:
    """Switch the emulation of arm64 off."""
    if not EMULATION.exists():
        pytest.skip("arm64 is not emulated here (`make engines` arranges it)")
    EMULATION.write_text("0")
    try:
        yield
    finally:
        EMULATION.write_text("1")


def test_classic_image_store_cannot_export(project: Project, docker: str, tmp_path: Path) -> None:
    project.script("app.py", *METADATA)
    write(
        *small_image(tmp_path, ("linux/amd64", "linux/arm64")), tmp_path / "small.tar", names=["a/small:1", "small:2"]
    )
    with small_disk(tmp_path / "data", "1g") as data:
        settings = {"features": {"containerd-snapshotter": False}, "storage-driver": "vfs"}
        with other_daemon(data, settings) as variables:
            result = project.run("build", "--engine", "buildx", "app.py", **variables)
            loaded = project.run("build", "--load", "--platform", "linux/amd64", "app.py", **variables)
            environment = {**project.environment, **variables}
            command = [docker, "image", "inspect", "-f", "{{.Architecture}} {{.Config.User}}", "app:latest"]
            said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            command = [docker, "load", "--input", str(tmp_path / "small.tar")]
            archive = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert (result.code, result.err[result.err.index("error: ") :]) == (
        5,
        "error: this docker keeps images in the classic store, from which BuildKit cannot export OCI\n"
        'hint: set `"features": {"containerd-snapshotter": true}` in daemon.json and restart docker,'
        " or run `docker buildx create --name onedigest --driver docker-container` and use --builder onedigest\n",
    )
    assert loaded.code == 0
    assert said == "amd64 65532:65532\n"
    assert archive == "Loaded image: a/small:1\nLoaded image: small:2\n"


def test_full_disk_inside_buildkit_is_said(project: Project, docker: str, tmp_path: Path) -> None:
    project.script("app.py", *METADATA)
    project.ok("generate", "app.py")
    with small_disk(tmp_path / "data", "60m") as data, other_daemon(data, CONTAINERD) as variables:
        result = project.run("build", "--engine", "buildx", "app.py", **variables)

    assert (result.code, result.err[result.err.index("error: ") :]) == (
        5,
        "error: BuildKit has no space left on its disk\n"
        "hint: free some with `docker buildx prune`, or use another builder\n",
    )
    assert not (project.root / "dist").exists()
    assert not (project.root / "lockfiles/app/image.toml").exists()


@pytest.mark.emulation("off")
def test_builder_without_arm64_builds_all_but_commands(project: Project, docker: str, tmp_path: Path) -> None:
    """Nothing is emulated in a build, so only `run` needs a builder that can execute for the other platform."""
    project.script("app.py", *METADATA)
    project.script("run.py", *METADATA, 'run = ["python --version"]')
    with no_emulation(), small_disk(tmp_path / "data", "2g") as data, other_daemon(data, CONTAINERD) as variables:
        plain = project.run("build", "--engine", "buildx", "app.py", **variables)
        result = project.run("build", "--engine", "buildx", "run.py", **variables)

    assert plain.code == 0, plain.err
    assert (result.code, result.err[result.err.index("error: ") :]) == (
        5,
        "error: the builder `default` cannot run commands for linux/arm64\n"
        "hint: install qemu-user-static (with binfmt support) where it runs, or use --builder\n",
    )


def test_digest_does_not_depend_on_the_daemon(project: Project, docker: str, tmp_path: Path) -> None:
    """An image that is loaded is the one that was built, also in a store that had nothing of it."""
    project.script("app.py", *METADATA, code="print('hello')\n")
    with small_disk(tmp_path / "data", "1g") as data, other_daemon(data, CONTAINERD) as variables:
        built = project.ok("build", "--load", "app.py", **variables)
        environment = {**project.environment, **variables}
        command = [docker, "image", "inspect", "-f", "{{.Id}}", "app:latest"]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert said == built.out


def test_image_runs_as_a_user_that_is_not_root(project: Project, docker: str) -> None:
    code = (
        "import os\nprint(os.getuid(), os.getgid(), os.getcwd(), [os.access(p, os.W_OK) for p in ('/app', __file__)])\n"
    )
    project.script("who.py", *METADATA, code=code)
    project.ok("build", "--load", "who.py")

    assert run_image(docker, "who:latest", "linux/amd64") == "65532 65532 /app [True, False]\n"
    subprocess.run([docker, "image", "rm", "who:latest"], env=project.environment, capture_output=True, check=True)
