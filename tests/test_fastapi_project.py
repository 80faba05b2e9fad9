"""A workspace with FastAPI, static files and two members: an image of it in one command, from a fresh clone."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from uv import find_uv_bin

from conftest import ROOT, Project, machine_environment, unpack
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
