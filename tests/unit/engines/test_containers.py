"""What runs images: docker or podman, as whoever stands for them on PATH is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onedigest.engines.containers import ContainerOptions, find_containers
from onedigest.errors import EngineError


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """Put a program on PATH; return the environment."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_docker_comes_before_podman(tmp_path: Path) -> None:
    environment = program(tmp_path, "podman", "echo linux/arm64")

    assert (found := find_containers(environment)).name == "podman"
    assert found.platform() == "linux/arm64"
    program(tmp_path, "docker", "echo linux/amd64")
    assert (found := find_containers(environment)).name == "docker"
    assert found.platform() == "linux/amd64"


def test_without_either_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        find_containers({"PATH": str(tmp_path)})

    (problem,) = error.value.problems
    assert problem.message == "nothing runs images here: there is neither `docker` nor `podman` on PATH"
    assert problem.hint == (
        "install docker (docs.docker.com/engine/install) or podman; `onedigest build` needs neither"
    )


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        (
            "docker",
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            "the docker daemon does not answer: "
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
        ),
        ("podman", "Error: cannot connect to Podman", "podman does not answer: Error: cannot connect to Podman"),
    ],
)
def test_a_daemon_that_does_not_answer_is_an_error(tmp_path: Path, name: str, said: str, message: str) -> None:
    found = find_containers(program(tmp_path, name, f"echo '{said}' >&2; exit 1"))
    with pytest.raises(EngineError) as error:
        found.platform()

    assert error.value.problems[0].message == message


def test_an_image_is_loaded_and_looked_for(tmp_path: Path) -> None:
    script = f'case $1 in image) test -f {tmp_path}/got;; load) cat > {tmp_path}/got; echo "no: $2"; exit $FAILS;; esac'
    environment = program(tmp_path, "podman", script)
    found = find_containers({**environment, "FAILS": "0"})

    assert not found.has("localhost/onedigest/a:1")
    found.load(lambda file: file.write(b"archive"))
    assert found.has("localhost/onedigest/a:1")
    assert (tmp_path / "got").read_bytes() == b"archive"
    with pytest.raises(EngineError) as error:
        find_containers({**environment, "FAILS": "3"}).load(lambda file: file.write(b"x"))
    assert error.value.problems[0].message == "podman did not load the image: no: --quiet"


class BecameError(Exception):
    """What the process would have become."""


def become(*given: object) -> None:
    raise BecameError(*given)


def test_it_becomes_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = program(tmp_path, "docker", "")
    monkeypatch.setattr(os, "execve", become)
    wanted = ContainerOptions(
        image="localhost/onedigest/a:1",
        platform="linux/arm64",
        volumes=("./data:/data",),
        variables=("A=b c", "TOKEN"),
        ports=("8080:80",),
        terminal=True,
        arguments=("--verbose", "-v", ""),
    )
    with pytest.raises(BecameError) as became:
        find_containers(environment).run(wanted)

    expected = ["run", "--rm", "--interactive", "--tty", "--pull=never", "--platform=linux/arm64"]
    expected += ["--volume=./data:/data", "--env=A=b c", "--env=TOKEN", "--publish=8080:80"]
    expected += ["localhost/onedigest/a:1", "--verbose", "-v", ""]
    assert became.value.args == (f"{tmp_path}/docker", [f"{tmp_path}/docker", *expected], environment)


def test_without_a_terminal_none_is_asked_for() -> None:
    assert ContainerOptions(image="a").command() == ["run", "--rm", "--interactive", "--pull=never", "a"]
