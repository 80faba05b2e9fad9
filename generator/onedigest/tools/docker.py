"""The one door to docker, which names the command that helps where something is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from onedigest.errors import EngineError, Problem
from onedigest.tools.processes import RunningProcess, ask, ended, running

_CONTAINERD_STORE = "io.containerd.snapshotter"

_NO_DAEMON = (
    "start it (`systemctl start docker`, or Docker Desktop), or set DOCKER_HOST; the embedded engine needs none"
)
_NO_STORE = (
    'set `"features": {"containerd-snapshotter": true}` in daemon.json and restart docker,'
    " or run `docker buildx create --name onedigest --driver docker-container` and use --builder onedigest"
)
_NO_DOCKER = "install docker with its buildx plugin (docs.docker.com/engine/install), or use the embedded engine"
_NO_BUILDX = "install the package docker-buildx-plugin (Docker's) or docker-buildx (Debian's)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """A builder of buildx, the platforms that it can execute commands for, and how many nodes it has."""

    name: str
    platforms: tuple[str, ...]
    nodes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Docker:
    """The docker command, and the variables that it is run with."""

    program: str
    environment: Mapping[str, str]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a short command; its output is text, whatever the locale."""
        return ask([self.program, *arguments], self.environment)

    def running(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str],
        take: Callable[[str], object],
    ) -> AbstractContextManager[RunningProcess]:
        """Run a long command in a folder while the context lasts; `take` gets each line of its log."""
        return running([self.program, *arguments], {**self.environment, **variables}, folder=folder, take=take)

    def platform(self) -> str:
        """Return the platform that the daemon runs on. Raises `EngineError`."""
        asked = self.ask("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
        if asked.returncode:
            said = asked.stderr.strip()
            raise daemon_error(said) or EngineError.of(f"docker does not tell its version: {said}")
        return asked.stdout.strip()

    def load(self, write: Callable[[IO[bytes]], object]) -> None:
        """Load an image archive, which `write` writes, into the daemon. Raises `EngineError`."""
        with (
            subprocess.Popen(
                [self.program, "load", "--quiet"],
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process,
            ended(process),
        ):
            assert process.stdin
            assert process.stdout
            with suppress(BrokenPipeError):  # docker says why it stopped reading
                write(process.stdin)
            with suppress(BrokenPipeError):
                process.stdin.close()
            said = process.stdout.read().decode("utf-8", "replace").strip()
            code = process.wait()
        if code:
            raise daemon_error(said) or EngineError.of(f"{Path(self.program).name} did not load the image: {said}")


def find_docker(environment: Mapping[str, str]) -> Docker:
    """Find the docker command on PATH. Raises `EngineError`."""
    program = shutil.which("docker", path=environment.get("PATH", ""))
    if program is None:
        raise EngineError.of("docker is not installed: there is no `docker` on PATH", hint=_NO_DOCKER)
    return Docker(program=program, environment=environment)


def find_builder(docker: Docker, name: str) -> Builder:
    """Find a builder that can export an OCI layout, the current one by default. Raises `EngineError`."""
    if docker.ask("buildx", "version").returncode:
        raise EngineError.of("docker has no buildx plugin", hint=_NO_BUILDX)
    inspected = docker.ask("buildx", "inspect", "--bootstrap", *([name] if name else []))
    found = _fields(inspected.stdout)
    if inspected.returncode or "Error" in found:
        said = found.get("Error", [inspected.stderr.strip().removeprefix("ERROR: ")])[0]
        raise daemon_error(said) or EngineError.of(
            f"the builder `{name or 'default'}` cannot be used: {said}", hint="`docker buildx ls` lists the builders"
        )
    if found.get("Driver", [""])[0] == "docker" and not _has_containerd_store(docker):
        raise EngineError.of(
            "this docker keeps images in the classic store, from which BuildKit cannot export OCI", hint=_NO_STORE
        )
    platforms = re.split(r",\s*", ", ".join(found.get("Platforms", [])).replace("*", ""))
    own, *nodes = found.get("Name", [name])
    return Builder(name=own, platforms=tuple(platforms), nodes=len(nodes))


def daemon_error(said: str) -> EngineError | None:
    """Return the error for what docker says when its daemon is down or refuses us, or nothing."""
    if "Cannot connect to the Docker daemon" in said or "connection refused" in said or "no such host" in said:
        return EngineError.of(f"the docker daemon does not answer: {said}", hint=_NO_DAEMON)
    if "permission denied" in said and "docker" in said:
        return EngineError([Problem("this user may not use docker", "", "add the user to the group `docker`")])
    return None


def _has_containerd_store(docker: Docker) -> bool:
    said = docker.ask("info", "--format", "{{json .DriverStatus}}").stdout
    try:
        rows: Any = json.loads(said)
    except ValueError:
        return False
    return any(_CONTAINERD_STORE in str(row) for row in rows or ())


def _fields(text: str) -> dict[str, list[str]]:
    """Return the values that `docker buildx inspect` prints by their names; nodes repeat some of them."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not name.startswith(" ") and value.strip():
            found.setdefault(name, []).append(value.strip())
    return found
