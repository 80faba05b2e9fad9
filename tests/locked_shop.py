"""The workspace of a shop on a tiny base, locked by the real uv."""

from __future__ import annotations

import subprocess

import pytest

import uv_projects
from conftest import ALL_RULES
from locking import Locking
from shop_builder import Builder


@pytest.fixture(scope="session")
def locked_shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The uv.lock of the workspace, which the real uv wrote, and the address of the index in it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "index").mkdir()
    uv_projects.write_tree(folder / "shop", uv_projects.FILES)
    with uv_projects.served(folder / "index") as index:
        uv_projects.lock(folder / "shop", index)
        return (folder / "shop" / "uv.lock").read_text(), index.address.removesuffix("/simple")


@pytest.fixture
def shop(locking: Locking, host: str, locked_shop: tuple[str, str]) -> Locking:
    """The workspace of a shop on a tiny base, locked on the index."""
    uv_projects.fill(locking.index.folder)
    (locking.root / "app.py").unlink()
    subprocess.run(["rm", "-rf", "lockfiles", "dist"], cwd=locking.root, check=True)
    uv_projects.write_tree(locking.root, uv_projects.FILES)
    locking.project.write("onedigest.toml", f'base = "{host}/tiny:3"\n{ALL_RULES}')
    text, address = locked_shop
    locking.project.write("uv.lock", text.replace(address, locking.index.address.removesuffix("/simple")))
    return locking


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    return Builder(monkeypatch)
