"""A workspace with FastAPI, static files and two members: an image of it in one command, from a fresh clone."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from uv import find_uv_bin

from conftest import ROOT, Project, machine_environment, unpack
from docker_daemon import docker_variables, find_docker
from onedigest.oci.read import read_image

pytest_plugins = ("built_app",)

SHOP = ROOT / "tests" / "projects" / "shop"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache: Path, host: str) -> Project:
    """A clone of the project on a tiny base, with its uv.lock, which the real uv wrote."""
    folder = tmp_path_factory.mktemp("fastapi")
    project = Project(folder / "shop", machine_environment(folder, cache))
    shutil.copytree(SHOP, project.root)
    project.write("onedigest.toml", f'base = "{host}/tiny:3"\n')
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
import json, platform, urllib.request
def get(path):
    with urllib.request.urlopen("http://127.0.0.1:8000" + path, timeout=60) as answer:
        return answer.read().decode()
print(json.dumps([platform.machine(), json.loads(get("/prices/tea")), "<title>" in get("/")]))
"""
STARTING = 300
"""Seconds that a server may take until it answers: under emulation some take long."""


@pytest.mark.docker
@pytest.mark.emulation
def test_the_image_answers_http_on_both_platforms(shop: Project) -> None:
    docker = find_docker()
    environment = {**shop.environment, **docker_variables()}
    shop.ok("build", "--load", "--tag", "http", ".", **docker_variables())
    try:
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(partial(_ask, docker, environment), ("linux/amd64", "linux/arm64")))
    finally:
        subprocess.run([docker, "image", "rm", "--force", "shop:http"], env=environment, check=False)
    price = 3.6
    assert [json.loads(answer) for answer in answers] == [
        ["x86_64", {"price": price}, True],
        ["aarch64", {"price": price}, True],
    ]


def _ask(docker: str, environment: dict[str, str], platform: str) -> str:
    """Run the image without a network, and ask from inside: what does not need the daemon's own network."""
    start = ["run", "--detach", "--rm", "--network", "none", "--platform", platform, "shop:http"]
    container = subprocess.run([docker, *start], env=environment, check=True, capture_output=True, text=True).stdout
    try:
        command = [docker, "exec", container.strip(), "/opt/venv/bin/python", "-c", ASK]
        end = time.monotonic() + STARTING
        while True:
            done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
            if done.returncode == 0 or time.monotonic() > end:
                return done.stdout.strip() or done.stderr
            time.sleep(3)
    finally:
        subprocess.run([docker, "kill", container.strip()], env=environment, check=False, capture_output=True)
