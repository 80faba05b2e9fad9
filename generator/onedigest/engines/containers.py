"""The program that runs images on this machine: docker or podman, whichever is there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, NoReturn

from onedigest.errors import EngineError
from onedigest.tools.docker import Docker

PROGRAMS = ("docker", "podman")

_NONE = "install docker (docs.docker.com/engine/install) or podman; `onedigest build` needs neither"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerOptions:
    """How an image is to run; options are those of `docker run`."""

    image: str = ""
    platform: str = ""
    volumes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    terminal: bool = False
    arguments: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """Return the arguments of docker and of podman."""
        options = ["--rm", "--interactive", *(["--tty"] if self.terminal else []), "--pull=never"]
        options += [f"--platform={self.platform}"] if self.platform else []
        for name, values in (("volume", self.volumes), ("env", self.variables), ("publish", self.ports)):
            options += [f"--{name}={value}" for value in values]
        return ["run", *options, self.image, *self.arguments]


@dataclass(frozen=True, kw_only=True, slots=True)
class Containers:
    """A program that runs images, by the name that people know it by."""

    name: str
    client: Docker

    def platform(self) -> str:
        """Return the platform that images run on. Raises `EngineError`."""
        if self.name == "docker":
            return self.client.platform()
        asked = self.client.ask("info", "--format", "{{.Host.OS}}/{{.Host.Arch}}")
        if asked.returncode:
            raise EngineError.of(f"podman does not answer: {asked.stderr.strip()}")
        return asked.stdout.strip()

    def has(self, image: str) -> bool:
        """Tell whether an image has been loaded under a name."""
        return self.client.ask("image", "inspect", image).returncode == 0

    def load(self, write: Callable[[IO[bytes]], object]) -> None:
        """Load an image archive, which `write` writes. Raises `EngineError`."""
        self.client.load(write)

    def run(self, options: ContainerOptions) -> NoReturn:
        """Become the program, so that signals, the terminal and the exit code are those of what runs."""
        sys.stdout.flush()
        sys.stderr.flush()
        command = [self.client.program, *options.command()]
        os.execve(self.client.program, command, dict(self.client.environment))  # noqa: S606  nothing comes after it


def find_containers(environment: Mapping[str, str]) -> Containers:
    """Find docker, or else podman, on PATH. Raises `EngineError`."""
    for name in PROGRAMS:
        if program := shutil.which(name, path=environment.get("PATH", "")):
            return Containers(name=name, client=Docker(program=program, environment=environment))
    raise EngineError.of("nothing runs images here: there is neither `docker` nor `podman` on PATH", hint=_NONE)
