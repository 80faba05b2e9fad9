"""`verify`: what must not matter does not, what differs is named, and engines are held against each other."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from base_images import MACHINES, RUNNING, Made, put_index, put_platform, python_files
from build_tools import MODULE, find_tool, nix_python
from conftest import ALL_RULES, ROOT, Project, machine_environment
from index_server import IndexServer
from registry_server import serve_registry
from wheel_builder import build_wheel

pytestmark = pytest.mark.network

METADATA = ('requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", 'base = "debian:bookworm"')
NAMES = (
    "clock", "time zone", "locale", "umask", "hash seed", "home", "working directory", "directory order", "file times",
    "number of processors",
)  # fmt: skip


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The files of a locked project with one dependency and one file."""
    folder = tmp_path_factory.mktemp("locked")
    build_wheel(folder / "index", "alpha", "1.0")
    index = IndexServer(folder / "index")
    variables = {"UV_DEFAULT_INDEX": index.address, "UV_CACHE_DIR": str(folder / "uv")}
    project = Project(folder / "project", machine_environment(folder, cache) | variables)
    project.write("onedigest.toml", ALL_RULES)
    project.write("data/x.csv", "1,2\n")
    project.script("app.py", *METADATA, 'files = ["data/*.csv"]')
    project.ok("generate", "app.py")
    index.close()
    return project.root


@pytest.fixture
def alpha(project: Project, index: IndexServer, locked: Path) -> Project:
    """A project of its own with those files."""
    build_wheel(index.folder, "alpha", "1.0")
    shutil.copytree(locked, project.root, symlinks=True, dirs_exist_ok=True)
    return project


def test_image_is_identical_under_all_variations(alpha: Project) -> None:
    """On one platform: each variation makes all layers again, and below there is a test of both."""
    if not shutil.which("faketime"):
        pytest.skip("faketime is not installed (Debian package faketime)")
    alpha.write("data/größe.csv", "3,4\n")
    alpha.script("app.py", *METADATA, 'files = ["data/*.csv"]', 'platforms = ["linux/amd64"]')
    alpha.ok("generate", "app.py")
    before = {path for path in alpha.root.rglob("*") if ".inputs" not in path.parts}
    result = alpha.ok("verify", "app")

    assert result.out == f"app: identical under 10 variations: {', '.join(NAMES)}\n"
    assert {path for path in alpha.root.rglob("*") if ".inputs" not in path.parts} == before
    assert list((Path(alpha.environment["XDG_CACHE_HOME"]) / "onedigest" / "scratch").iterdir()) == []


LIBRARY = (
    "from onedigest import Workspace; image = Workspace.open().image('app'); found = image.verify(); "
    "print(found.digest == image.build().digest, found.skipped[0].variation)"
)


def test_variation_that_could_not_be_made_is_said(alpha: Project, tmp_path: Path) -> None:
    """On a small base, by the way, whose layers a varied build takes as they are, and whose images are further in.

    It is built for both platforms.
    """
    with serve_registry(tmp_path / "registry") as served:
        rows = [put_platform(served.host, "base", each, Made([python_files(each, RUNNING)])) for each in MACHINES]
        put_index(served.host, "base", "1", [put_index(served.host, "base", "", rows)])
        alpha.script("app.py", *METADATA[:-1], f'base = "{served.host}/base:1"')
        alpha.ok("generate", "app.py")
        result = alpha.ok("verify", "--json", "app", PATH=str(tmp_path))
        library = alpha.python("-c", LIBRARY, PATH=str(tmp_path))
    assert library.out == "True clock\n"
    document = json.loads(result.out)["images"][0]

    assert document["variations"] == list(NAMES[1:])
    assert document["skipped"] == [{"variation": "clock", "reason": "there is no `faketime` on PATH"}]


def test_variation_that_moves_an_image_is_named(alpha: Project, tmp_path: Path) -> None:
    """A fault is put into the program itself: the umask reaches the mode of a file."""
    package = tmp_path / "faulty"
    shutil.copytree(ROOT / "generator" / "onedigest", package / "onedigest")
    for folder in ("templates", "BUILD_templates", "assemblers"):
        shutil.copytree(ROOT / folder, package / "onedigest" / folder)
    layer = package / "onedigest" / "definition" / "files.py"
    text = layer.read_text()
    assert "import os\n" in text
    layer.write_text(
        text.replace("executable=False, content=content", "executable=os.umask(0) == 0o077, content=content")
    )
    alpha.ok("generate", "app.py")
    result = alpha.python("-c", f"import sys; sys.path.insert(0, {str(package)!r}); from onedigest.cli import run; sys.exit(run(['verify', 'app']))")  # fmt: skip

    assert result.code == 3, result.err
    assert re.sub(r"[0-9a-f]{64}", "…", result.err).startswith("error: app: another umask gives another image\n  what ")
    assert "index " in result.err
    assert result.err.endswith("hint: this is a fault of onedigest: please report it with this table\n")


def test_engines_that_are_missing_are_listed_with_their_reason(alpha: Project, tmp_path: Path) -> None:
    result = alpha.ok("verify", "app", "--engine", "all", PATH=str(tmp_path))

    assert result.out.startswith("app\nwhat ")
    assert result.err == (
        "buildx: not compared: docker is not installed: there is no `docker` on PATH\n"
        "  hint: install docker with its buildx plugin (docs.docker.com/engine/install), or use the embedded engine\n"
        "bazel: not compared: Bazel is not installed: there is no `bazel` or `bazelisk` on PATH\n"
        "  hint: install bazelisk (bazel.build/install), or Debian's bazel-bootstrap\n"
        "nix: not compared: Nix is not installed: there is no `nix-build` on PATH\n"
        "  hint: install it (nixos.org/download), or Debian's nix-bin\n"
    )
    assert "equal" not in result.out


@pytest.mark.bazel
@pytest.mark.docker
@pytest.mark.nix
def test_four_engines_give_one_digest(alpha: Project, docker: str) -> None:
    for tool in ("bazel", "nix-build"):
        find_tool(tool)
    alpha.write("MODULE.bazel", MODULE)
    alpha.write(".bazelrc", "startup --max_idle_secs=5\n")
    alpha.ok("build", "app")
    result = alpha.ok("verify", "app", "--engine", "all", ONEDIGEST_NIX_PYTHON=nix_python())
    rows = [re.split(r"  +", line.strip()) for line in result.out.splitlines()[1:]]

    assert rows[0] == ["what", "embedded", "buildx", "bazel", "nix"]
    assert [row[0] for row in rows[1:10]] == [
        "index", "linux/amd64 manifest", "linux/amd64 config", "linux/amd64 debian:bookworm",
        "linux/amd64 bytecode of debian:bookworm", "linux/amd64 folder /app", "linux/amd64 working directory /app",
        "linux/amd64 alpha 1.0", "linux/amd64 bytecode of alpha 1.0",
    ]  # fmt: skip
    assert all(len(set(row[1:5])) == 1 and row[5] == "equal" for row in rows[1:])
    document = json.loads(alpha.ok("verify", "app", "--engine", "buildx", "--json").out)["images"][0]
    assert document["equal"] is True
    assert document["missing"] == {}
    assert list(document["engines"]) == ["embedded", "buildx"]


@pytest.mark.parametrize(
    ("engine", "program", "version", "said"),
    [
        ("bazel", "bazel", "bazel 6.5.0", "7.1 or newer is needed\nhint: say which one in .bazelversion, and call it by bazelisk\n"),
        ("bazel", "bazelisk", "bazel 7.0.2", "7.1 or newer is needed\nhint: say which one in .bazelversion, and call it by bazelisk\n"),
        ("nix", "nix-build", "nix-build (Nix) 2.3.16", "2.8 or newer is needed\nhint: upgrade it: `nix upgrade-nix`\n"),
    ],
)  # fmt: skip
def test_old_tool_is_named_with_its_version(
    engine: str, program: str, version: str, said: str, alpha: Project, tmp_path: Path
) -> None:
    path = tmp_path / "bin" / program
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    result = alpha.run("build", "--engine", engine, "app", PATH=f"{path.parent}:/usr/bin:/bin")

    assert (result.code, result.out) == (5, "")
    assert result.err == f"error: `{path} --version` says `{version}`, and {said}"


@pytest.mark.bazel
def test_bazel_without_a_workspace_says_how_to_make_one(alpha: Project) -> None:
    find_tool("bazel")
    result = alpha.run("build", "--engine", "bazel", "app")

    assert (result.code, result.out) == (5, "")
    assert result.err.endswith(
        "error: lockfiles: there is no Bazel workspace: no MODULE.bazel or WORKSPACE in a folder above the locks\n"
        "hint: a file MODULE.bazel makes one; lockfiles/extensions.bzl says what belongs into it\n"
    )
