"""Real Bazel and Nix for tests, and a project that has all that can go wrong in names, for both of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ALL_RULES, Project, Result, machine_environment
from golden import make_index
from index_server import IndexServer

BOOKWORM = 'base = "debian:bookworm"'
SHARED = (
    "warning: app.py:2: the wheels of alpha 1.0 and native 1.0 both bring `LICENSE`, with different content; "
    "the image has that of native, whose name is the last\n"
)
"""What is said of the wheels of `odd_project`'s app, whatever comes after it."""

MODULE = """\
onedigest = use_extension("//lockfiles:extensions.bzl", "onedigest")
use_repo(onedigest, "onedigest_files")
"""
WORKSPACE = """\
load("//lockfiles:extensions.bzl", "onedigest_files")
onedigest_files(name = "onedigest_files")
"""
NAMES = ("app", "application", "etl.daily", "linux-amd64")


def find_tool(name: str) -> str:
    """Return a command, or skip where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (`make engines` brings it)")
    return found


def nix_python() -> str:
    """Return a Python that Nix's builders can run."""
    return os.environ.get("ONEDIGEST_NIX_PYTHON", "/usr/bin/python3")


@contextmanager
def odd_project(folder: Path, cache: Path) -> Iterator[Project]:
    """Give a project with several images, in a path with spaces and other letters; everything is locked and built.

    Its files have names that labels cannot have, one is executable, its variables and labels hold quotes, and names of
    images are those of targets.
    """
    root = folder / "größe $(x) 'y'" / "project"
    root.mkdir(parents=True)
    server = IndexServer(make_index(folder / "index"))
    environment = {**machine_environment(folder, cache), "UV_DEFAULT_INDEX": server.address}
    environment["ONEDIGEST_NIX_PYTHON"] = nix_python()
    project = Project(root, {**environment, "UV_CACHE_DIR": str(folder / "uv")})
    project.write("MODULE.bazel", MODULE)
    project.write("onedigest.toml", f'{ALL_RULES}scripts = ["*.py", "jobs/*.py"]\n')
    project.script(
        "app.py",
        'dependencies = ["alpha", "native"]',
        "[tool.onedigest]",
        BOOKWORM,
        'system-packages = ["libgomp1"]',
        'files = ["data/*"]',
        'args = ["--näme", "${x} $(y) \'z\' \\"w\\" \\\\\\\\"]',
        'env = { GREETING = "größe \\"a\\" ${HOME} $$ \\\\\\\\ <&>" }',
        'labels = { "org.example.odd" = "\'\'${x}" }',
    )
    project.write("data/a b:c%3A`ü`.txt", "odd\n")
    project.write("data/tool.sh", "#!/bin/sh\n").chmod(0o755)
    project.script(
        "häßlich & [co] {1}.py",
        'dependencies = ["native"]',
        "[tool.onedigest]",
        BOOKWORM,
        'name = "application"',
        'files = ["data/*.sh"]',
    )
    project.write("extra/deep/er/tool.py", "#!/usr/bin/env python3\n").chmod(0o755)
    project.write("extra/deep/BUILD.bazel", "# a file like any other\n")
    project.write('extra/deep/q"uote.txt', "odd\n")
    project.write("extra/left.out", "")
    project.write("extra/.dockerignore", "*.out\n.dockerignore\n")
    project.write("jobs/BUILD.bazel", 'exports_files(["nothing.txt"])\n')
    project.script(
        "jobs/etl.py",
        "[tool.onedigest]",
        BOOKWORM,
        'name = "etl.daily"',
        'platforms = ["linux/arm64"]',
        'workdir = "/srv/größe"',
        "own-workdir = true",
        'copy = { "lib/x y" = "../extra", "one.txt" = "../data/a b:c%3A`ü`.txt", "/root/one.py" = "../extra/deep/er/tool.py",'
        ' "/opt/grö\'ße, %1/x" = "../extra/deep", "/etc/tool.conf" = "../data/tool.sh" }',
        'ignore-file = "../extra/.dockerignore"',
        "ignore-in-copies = true",
    )
    project.script("linux_amd64.py", "[tool.onedigest]", BOOKWORM, "include-script = false", 'workdir = "/"')
    project.script("commands.py", "[tool.onedigest]", BOOKWORM, 'run = ["true"]')
    project.ok("generate", "--all")
    project.ok("build", *NAMES)
    project.ok("fetch", "--all")
    yield project
    server.close()


def recorded(project: Project, name: str) -> str:
    """Return the digest that an image's record states."""
    digest = tomllib.loads(project.read(f"lockfiles/{name}/image.toml"))["index"]
    assert isinstance(digest, str)
    return digest


def layout_digest(layout: Path) -> str:
    """Return the digest of the image in an OCI layout."""
    return str(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])


def call(project: Project, program: str, *arguments: str, folder: Path | None = None) -> Result:
    """Run a program in a project, as a person would who has no onedigest."""
    done = subprocess.run(
        [program, *arguments],
        cwd=folder or project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=300,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def copy_project(project: Project, target: Path) -> Project:
    """Copy what a project checks in, and its inputs, to another place."""

    def ignore(_: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "dist" or name.startswith("bazel-")]

    shutil.copytree(project.root, target, ignore=ignore)
    return Project(target, project.environment)
