"""A workspace with FastAPI, static files and two members: an image of it in one command, from a fresh clone."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from uv import find_uv_bin

from conftest import ROOT, Project, machine_environment, unpack
from docker_daemon import docker_variables, find_docker
from onedigest.oci.read import read_image

SHOP = ROOT / "tests" / "projects" / "shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Project:
    """A clone of the project with its uv.lock, which the real uv wrote."""
    folder = tmp_path_factory.mktemp("fastapi")
    project = Project(folder / "shop", machine_environment(folder, cache))
    shutil.copytree(SHOP, project.root)
    for command in (["git", "init", "-q"], [find_uv_bin(), "lock", "-q"], ["git", "add", "."]):
        subprocess.run(command, cwd=project.root, env=project.environment, check=True)
    return project


def test_workspace_is_built_in_one_command(shop: Project, tmp_path: Path) -> None:
    result = shop.ok("build", ".")
    assert [line for line in result.err.splitlines() if ": built from" in line] == [
        "shop: built from .",
        "shop-prices: built from packages/prices",
        "shop-tax: built from packages/tax",
    ]
    lock = tomllib.loads(shop.read("lockfiles/shop/pylock.toml"))
    pinned = {row["name"]: row["version"] for row in tomllib.loads(shop.read("uv.lock"))["package"] if "version" in row}
    versions = {row["name"]: row["version"] for row in lock["packages"]}
    assert versions["shop-prices"] == "2.1"
    assert versions == {name: pinned.get(name, "2.1") for name in versions}
    assert "iniconfig" not in versions

    unpack(shop.root / "dist" / "shop", "linux/amd64", tmp_path)
    site = next((tmp_path / "opt/venv/lib").glob("python3*/site-packages"))
    assert (site / "shop/static/index.html").read_text() == (SHOP / "src/shop/static/index.html").read_text()
    assert (tmp_path / "opt/venv/bin/shop").read_text().startswith("#!/opt/venv/bin/python")
    for platform in read_image(shop.root / "dist" / "shop").platforms:
        assert platform.config["config"]["Entrypoint"] == ["/opt/venv/bin/shop"]
        assert platform.config["config"]["ExposedPorts"] == {"8000/tcp": {}}


ASK = """
import json, platform, subprocess, sys, time, urllib.request
def get(path):
    with urllib.request.urlopen("http://127.0.0.1:8000" + path, timeout=60) as answer:
        return answer.read().decode()
server = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
for _ in range(600):
    try:
        found = [platform.machine(), json.loads(get("/prices/tea")), "<title>" in get("/")]
        break
    except OSError:
        found = server.poll()
        if found is not None:
            break
        time.sleep(0.2)
print(json.dumps(found))
server.kill()
"""


@pytest.mark.docker
@pytest.mark.emulation
def test_the_image_answers_http_on_both_platforms(shop: Project) -> None:
    """Asked from inside, without a network: the daemon's own is not needed."""
    docker, variables = find_docker(), docker_variables()
    shop.ok("build", "--load", "--tag", "http", ".", **variables)
    environment = {**shop.environment, **variables}
    try:
        for platform, machine in (("linux/amd64", "x86_64"), ("linux/arm64", "aarch64")):
            options = ["--rm", "--network", "none", "--platform", platform]
            asking = ["--entrypoint", "/opt/venv/bin/python", "shop:http", "-c", ASK, "/opt/venv/bin/shop"]
            command = [docker, "run", *options, *asking]
            done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout) == [machine, {"price": 3.6}, True], done.stderr
    finally:
        subprocess.run([docker, "image", "rm", "--force", "shop:http"], env=environment, check=False)
