"""The real SDK of Flyte in environments of its own, and programs that use it as people do."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import ROOT, Project, Result, machine_environment
from pythons import interpreters

NEWEST, OLDEST = "flyte", "flyte>=2.8,<2.9"

SCRIPT = """\
# /// script
# requires-python = "==3.13"
# dependencies = ["flyte", "polars"]
# ///
import os
import platform

import flyte
import polars as pl

env = flyte.TaskEnvironment(
    name="polars_image",
    image=flyte.Image.from_uv_script(
        __file__, name="flyte", registry="REGISTRY/acme", platform=("linux/amd64", "linux/arm64")
    ),
)


@env.task
async def create_dataframe() -> pl.DataFrame:
    return pl.DataFrame({"name": ["Alice", "Bob"], "age": [25, 32]})


@env.task
async def probe(a: int, b: int) -> str:
    return f"{a + b} rows of {pl.DataFrame({'x': [1]}).height}, uid {os.getuid()}, {platform.machine()}"
"""

INPUTS = """\
import asyncio, importlib, pathlib, sys
sys.path.insert(0, sys.argv[1])
from flyte._internal.runtime import convert
task = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])
found = asyncio.run(convert.convert_from_native_to_inputs(task.native_interface, 2, 3))
pathlib.Path(sys.argv[4]).write_bytes(found.proto_inputs.SerializeToString())
"""

BUILD_IMAGES = """\
import importlib, sys
import flyte
sys.path.insert(0, "jobs")
flyte.init(root_dir=__import__("pathlib").Path("jobs").absolute(), image_builder="onedigest")
module = importlib.import_module(sys.argv[1])
style = {"copy_style": sys.argv[2]} if len(sys.argv) > 2 else {}
print(list(flyte.build_images(module.env, **style).image_lookup.values())[0])
"""


@dataclass(frozen=True)
class Sdk:
    """An environment with a version of Flyte and onedigest."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def run(self, project: Project, program: str, *arguments: str, **environment: str) -> Result:
        """Run a program of the environment in a project."""
        path = f"{self.folder / 'bin'}{os.pathsep}{project.environment['PATH']}"
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=project.root,
            env={**project.environment, "PATH": path, "PYTHONWARNINGS": "", "COLUMNS": "300", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def build_images(self, project: Project, module: str, *style: str, **environment: str) -> Result:
        """Call `flyte.build_images` for the environment of a module of jobs/; print the image."""
        return self.run(project, "python", "-c", BUILD_IMAGES, module, *style, **environment)


def make_sdk(folder: Path, cache: Path, requirement: str, python: str) -> Sdk:
    """Make an environment with Flyte, and onedigest as `pip install onedigest[flyte]` brings it."""
    from uv import find_uv_bin

    environment = machine_environment(folder, cache)
    for command in (
        ("venv", "--quiet", "--python", python, str(folder)),
        (
            "pip",
            "install",
            "--quiet",
            "--python",
            str(folder),
            requirement,
            "polars",
            f"onedigest[flyte] @ {ROOT.as_uri()}",
        ),
    ):
        done = subprocess.run(
            [str(find_uv_bin()), *command], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
    return Sdk(folder)


def other_python() -> str:
    """Return an interpreter of another minor version than this one, if there is one."""
    others = [each for each in interpreters() if Path(each).resolve() != Path(sys.executable).resolve()]
    return others[-1] if others else sys.executable


def run_in_image(docker: str, sdk: Sdk, project: Project, image: str, platform: str, *, bundle: bool) -> bytes:
    """Run the task `probe` by the real entry point, without a network; return its outputs as they were written."""
    data = project.root / f"data-{platform.replace('/', '-')}-{bundle}"
    for name in ("out", "base", "raw"):
        (data / name).mkdir(parents=True)
        (data / name).chmod(0o777)
    inputs = project.root / "inputs.pb"  # the same for all platforms
    if not inputs.exists():
        made = sdk.run(project, "python", "-c", INPUTS, str(project.root / "jobs"), "script", "probe", str(inputs))
        assert made.code == 0, made.err
    shutil.copy(inputs, data)
    with tarfile.open(data / "fast.tar.gz", "w:gz") as archive:
        archive.add(project.root / "jobs" / "script.py", "script.py")
    pull = [docker, "pull", "--quiet", "--platform", platform, image]
    subprocess.run(pull, env=project.environment, check=True, capture_output=True, timeout=300)
    arguments = [
        *(
            "--inputs",
            "/data/inputs.pb",
            "--outputs-path",
            "/data/out",
            "--version",
            "v1",
            "--run-base-dir",
            "/data/base",
        ),
        *("--raw-data-path", "/data/raw", "--name", "a0", "--run-name", "r1", "--project", "p", "--domain", "d"),
        *("--org", "o", *(("--tgz", "/data/fast.tar.gz", "--dest", ".") if bundle else ())),
        *("--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver", "mod", "script", "instance", "probe"),
    ]
    options = ("--rm", "--network", "none", "--platform", platform, "-v", f"{data}:/data")
    done = subprocess.run(
        [docker, "run", *options, image, "a0", *arguments],
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return (data / "out" / "outputs.pb").read_bytes()


def share_sdk(factory: pytest.TempPathFactory, cache: Path, name: str) -> Sdk:
    """Return an environment with the `newest` Flyte, or the `oldest` that counts on another Python.

    All workers of one run of the tests share it: the first that wants it makes it.
    """
    requirement, python = (NEWEST, sys.executable) if name == "newest" else (OLDEST, other_python())
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"flyte-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            make_sdk(folder / "venv", cache, requirement, python)
            (folder / "ready").touch()
    return Sdk(folder / "venv")


def serve_in_image(docker: str, project: Project, image: str, command: str) -> str:
    """Start an app by the real entry point, without a network; return what its command prints."""
    pull = [docker, "pull", "--quiet", "--platform", "linux/amd64", image]
    subprocess.run(pull, env=project.environment, check=True, capture_output=True, timeout=300)
    options = ("--rm", "--network", "none", "--platform", "linux/amd64")
    done = subprocess.run(
        [docker, "run", *options, image, "fserve", "--version", "v1", "--", command],
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
