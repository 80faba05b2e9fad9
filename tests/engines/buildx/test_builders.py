"""Builders of buildx that are no docker daemon: a remote BuildKit, and several nodes, give the same digests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from buildkit_bridge import remote_buildkit
from conftest import Project

pytestmark = [pytest.mark.docker, pytest.mark.network]

HEAD = ('requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"')
MADE = """python -c "import os; os.makedirs('/srv/d'); open('/srv/d/x', 'w').write('1')" """


@pytest.fixture
def builders(project: Project, docker: str, tmp_path: Path) -> Iterator[Project]:
    """A project, with the builders `one` and `two`: a remote BuildKit, and two with a platform each."""
    daemon = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    project.environment["BUILDX_CONFIG"] = str(tmp_path / "buildx")
    with ExitStack() as stack:
        first, second = [stack.enter_context(remote_buildkit(daemon)) for _ in range(2)]
        for arguments in (
            ("--name", "one", first),
            ("--name", "two", "--platform", "linux/amd64", first),
            ("--name", "two", "--append", "--platform", "linux/arm64", second),
        ):
            command = [docker, "buildx", "create", "--driver", "remote", *arguments]
            subprocess.run(command, env=project.environment, check=True, capture_output=True)
        yield project


def test_nodes_for_each_platform_give_the_digest(builders: Project) -> None:
    builders.script("app.py", *HEAD)
    embedded = builders.ok("build", "app.py")

    assert builders.ok("build", "--engine", "buildx", "--builder", "two", "--locked", "app.py").out == embedded.out


def test_remote_builder_gives_the_digest_also_of_commands(builders: Project) -> None:
    builders.script("app.py", *HEAD, 'platforms = ["linux/amd64"]', f"run = ['''{MADE}''']")
    first = builders.ok("build", "--engine", "buildx", "--builder", "one", "app.py")

    assert builders.ok("build", "--engine", "buildx", "--locked", "app.py").out == first.out
