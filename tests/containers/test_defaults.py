"""What containers of an image are like by default, in real docker: above Debian, and above an image of a registry."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from base_images import copy_image
from conftest import Project
from registry_server import serve_registry

pytestmark = [pytest.mark.docker, pytest.mark.network]

LOOK = """
import getpass, grp, json, os, pathlib, sys, time

def attempt(do, *arguments):
    try:
        do(*arguments)
    except OSError as error:
        return error.strerror
    return "done"

here = pathlib.Path(__file__)
print(json.dumps({
    "user": [getpass.getuser(), os.getuid(), grp.getgrgid(os.getgid()).gr_name],
    "home": [str(pathlib.Path.home()), attempt((pathlib.Path.home() / "x").write_text, "x")],
    "here": [os.getcwd(), attempt(pathlib.Path("x").write_text, "x"), attempt(os.remove, "x")],
    "script": [attempt(here.write_text, "x"), attempt(here.unlink), attempt(here.rename, "other.py")],
    "volume": attempt(pathlib.Path("/data/x").write_text, "x"),
}))
time.sleep(60)
"""
SEEN = {
    "user": ["nonroot", 65532, "nonroot"],
    "home": ["/home/nonroot", "done"],
    "here": ["/app", "done", "done"],
    "script": ["Permission denied", "Operation not permitted", "Operation not permitted"],
    "volume": "done",
}


def write(project: Project, name: str, base: str) -> None:
    lines = (
        "[tool.onedigest]",
        'platforms = ["linux/amd64"]',
        f'base = "{base}"',
        'volumes = ["/data"]',
        "expose = [8080]",
    )
    check = 'healthcheck = { command = ["/opt/venv/bin/python", "-c", ""], interval = "30s" }'
    project.script(f"{name}.py", 'requires-python = ">=3.11"', *lines, check, code=LOOK)
    project.ok("build", "--load", f"{name}.py")


def plain_base(project: Project, host: str) -> str:
    """Put a base into a registry that has no account for the user."""
    own = ('platforms = ["linux/amd64"]', 'user = "0"')
    lines = ("[tool.onedigest]", 'base = "debian:bookworm"', *own, 'workdir = "/"', "include-script = false")
    project.script("plainbase.py", 'requires-python = ">=3.11"', *lines)
    project.ok("generate", "plainbase.py")
    project.ok("fetch", "plainbase")
    layout = next(path for path in (project.root / "lockfiles" / ".inputs").glob("debian-bookworm-*") if path.is_dir())
    copy_image(f"oci:{layout}", f"docker://{host}/defaults/base:1")
    return f"{host}/defaults/base:1"


def watch(docker: str, name: str) -> tuple[object, float, str]:
    """Start a container and stop it; return what it printed before, how long stopping took, and its settings."""
    start = [docker, "run", "--detach", "--network", "none", "--pull", "never", name]
    started = subprocess.run(start, capture_output=True, text=True, check=True).stdout.strip()
    try:
        deadline = time.monotonic() + 30
        logs = ""
        while not logs and time.monotonic() < deadline:
            logs = subprocess.run([docker, "logs", started], capture_output=True, text=True, check=True).stdout
            time.sleep(0.1)
        before = time.monotonic()
        subprocess.run([docker, "stop", "--time", "10", started], capture_output=True, check=True)
        took = time.monotonic() - before
        shown = [docker, "inspect", "--format", "{{json .Config}} {{.State.ExitCode}}", started]
        return (
            json.loads(logs or "null"),
            took,
            subprocess.run(shown, capture_output=True, text=True, check=True).stdout,
        )
    finally:
        subprocess.run([docker, "rm", "--force", "--volumes", started], capture_output=True, check=True)
        subprocess.run([docker, "image", "rm", "--force", name], capture_output=True, check=True)


def test_container_runs_as_its_author_expects(project: Project, docker: str, tmp_path: Path) -> None:
    with serve_registry(tmp_path / "registry") as served:
        write(project, "defaultsdebian", "debian:bookworm")
        write(project, "defaultsimage", plain_base(project, served.host))
    for name in ("defaultsdebian", "defaultsimage"):
        seen, took, told = watch(docker, name)
        settings, _, code = told.rstrip().rpartition(" ")
        config = json.loads(settings)

        assert seen == SEEN
        assert took < 2, "SIGINT ends Python as process 1"
        assert code == "130"
        assert (config["StopSignal"], list(config["ExposedPorts"]), list(config["Volumes"])) == (
            "SIGINT", ["8080/tcp"], ["/data"],
        )  # fmt: skip
        assert config["Healthcheck"]["Test"][:2] == ["CMD", "/opt/venv/bin/python"]
