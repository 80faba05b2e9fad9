"""`onedigest run` with real docker: the program's own arguments, input, exit code and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from conftest import Project

CODE = """
import json, os, sys, time
print(json.dumps([sys.argv[1:], os.environ.get("A"), os.environ.get("B")]), flush=True)
if "sleep" in sys.argv:
    time.sleep(60)
if "volume" in sys.argv:
    print(open("/data/file").read(), end="")
print(sys.stdin.read(), end="")
sys.exit(7)
"""


def test_an_image_runs_as_docker_run_runs_it(project: Project, docker: str) -> None:
    platforms = ["[tool.onedigest]", 'platforms = ["linux/amd64"]']
    project.script("hello.py", 'requires-python = ">=3.11"', *platforms, code=CODE)
    first = project.run("run", "-e", "A=b c", "-e", "B", "hello.py", "--verbose", "-e", "x", B="passed")

    assert (first.code, json.loads(first.out)) == (7, [["--verbose", "-e", "x"], "b c", "passed"])
    (loaded,) = [line for line in first.err.splitlines() if " loaded into docker as " in line]
    reference = loaded.rpartition(" ")[2]
    assert reference.startswith("localhost/onedigest/hello:")
    assert not (project.root / "dist").exists()  # it is run, and not built for others
    assert not (project.root / "lockfiles" / "hello" / "image.toml").exists()

    project.write("data/file", "kept\n")
    again = project.run("run", "-v", f"{project.root}/data:/data", "hello", "--", "volume")
    assert (again.code, again.out) == (7, '[["volume"], null, null]\nkept\n')
    assert "loaded" not in again.err

    command = [sys.executable, "-m", "onedigest", "run", "-q", "hello", "sleep"]
    environment = project.environment
    with subprocess.Popen(command, cwd=project.root, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) not in (0, 7)

    other = project.run("run", "--platform", "linux/s390x", "hello")
    assert other.code == 2
    assert other.err == ("error: the image has no platform `linux/s390x`\nhint: it has linux/amd64\n")
    subprocess.run([docker, "image", "rm", "--force", reference], env=environment, check=True, capture_output=True)


def test_without_docker_and_podman_it_says_so(project: Project) -> None:
    project.script("hello.py", 'requires-python = ">=3.11"')
    missing = project.run("run", "hello.py", PATH="/nowhere")
    assert missing.code == 5
    assert missing.err.startswith("error: nothing runs images here: there is neither `docker` nor `podman` on PATH\n")
    assert not (project.root / "lockfiles").exists()  # nothing is locked for nothing


@pytest.mark.parametrize("asked", ["linux/amd64,linux/arm64", "arm64, x86_64", ","])
def test_one_platform_is_run(asked: str, project: Project) -> None:
    wrong = project.run("run", "--platform", asked, "hello.py")

    assert (wrong.code, wrong.err) == (
        2,
        f"error: `--platform {asked}`: an image runs on one platform\nhint: name one, such as linux/amd64\n",
    )


def test_platform_may_be_a_list_of_one(project: Project) -> None:
    project.script("hello.py", 'requires-python = ">=3.11"')

    assert project.run("run", "--platform", "amd64, x86_64", "hello.py", PATH="/nowhere").code == 5
