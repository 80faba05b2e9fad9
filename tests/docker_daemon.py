"""Real docker for tests: the command with its daemon where there is one, and daemons of our own with other settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

VARIABLES = ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "BUILDX_CONFIG", "BUILDX_BUILDER")


def find_docker() -> str:
    """Return the docker command, or skip where it or its daemon is missing."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("docker is not installed (`make engines` brings it)")
    if subprocess.run([docker, "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker daemon does not answer (`make engines` starts one)")
    store = subprocess.run([docker, "info", "-f", "{{json .DriverStatus}}"], capture_output=True, text=True, check=True)
    if "io.containerd.snapshotter" not in store.stdout:
        pytest.skip("docker keeps images in the classic store (`make engines` starts one that does not)")
    return docker


def docker_variables() -> dict[str, str]:
    """Return the variables that docker reads, as this process has them."""
    return {name: value for name in VARIABLES if (value := os.environ.get(name))}


def run_image(docker: str, name: str, platform: str, *arguments: str) -> str:
    """Run an image of the daemon, without a network; return what it prints."""
    command = [docker, "run", "--rm", "--network", "none", "--pull", "never", "--platform", platform]
    done = subprocess.run([*command, *arguments, name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def other_daemon(folder: Path, settings: Mapping[str, object]) -> Iterator[dict[str, str]]:
    """Start a daemon with further settings and a data folder of its own; yield the variables to reach it."""
    dockerd = shutil.which("dockerd")
    if dockerd is None or os.geteuid():
        pytest.skip("a daemon of the tests' own needs root and dockerd (`make engines` brings it)")
    run = Path(tempfile.mkdtemp(prefix="onedigest-", dir="/run"))
    configuration = {
        "data-root": str(folder),
        "exec-root": str(run / "exec"),
        "pidfile": str(run / "pid"),
        "hosts": [f"unix://{run}/docker.sock"],
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        **settings,
    }
    (run / "daemon.json").write_text(json.dumps(configuration))
    variables = {**docker_variables(), "DOCKER_HOST": f"unix://{run}/docker.sock"}
    with (run / "log").open("wb") as log:
        process = subprocess.Popen([dockerd, "--config-file", str(run / "daemon.json")], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while subprocess.run(
            ["docker", "version"], env={**os.environ, **variables}, capture_output=True, check=False
        ).returncode:
            assert process.poll() is None, (run / "log").read_text()
            assert time.monotonic() < deadline, (run / "log").read_text()
            time.sleep(0.2)
        yield variables
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(run, ignore_errors=True)
