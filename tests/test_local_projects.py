"""Scripts that take packages from local projects, git and archives: how they are locked, fetched and built."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from locking import Locking
from stand_in import StandIn, write_project, write_sdist
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

LOCK = "lockfiles/app/pylock.toml"


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Wheels are made without a backend."""
    return StandIn(monkeypatch)


def settings(locking: Locking, *lines: str, build: str = "") -> None:
    """Add lines of [tool.uv] to the script."""
    text = "".join(f"# {line}\n" for line in ("[tool.uv]", *lines, "[tool.onedigest]"))
    locking.edit("app.py", "# [tool.onedigest]\n", text + (f"# build = {build}\n" if build else ""))


def packages(locking: Locking) -> dict[str, Any]:
    rows = tomllib.loads(locking.read(LOCK))["packages"]
    return {row["name"]: row for row in rows}


def asked(locking: Locking) -> set[str]:
    """Return the names that the index was asked for since the last time."""
    names = {request.split("/")[2] for request in locking.index.requests if request.startswith("/simple/")}
    locking.index.requests.clear()
    return names


def test_local_project_is_built_and_locked(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "packages" / "core", "Core", requires=["beta"])
    build_wheel(locking.index.folder, "beta", "1.0")
    build_wheel(locking.index.folder, "core", "9.0")
    locking.ask("core", "alpha")
    settings(locking, 'sources = { core = { path = "packages/core", editable = true } }')
    result = locking.ok("build", "app.py")

    assert "\ncore: built from packages/core\n" in result.err
    found = packages(locking)
    assert {name: row["version"] for name, row in found.items()} == {"alpha": "1.0", "beta": "1.0", "core": "1.0"}
    assert found["core"]["tool"]["onedigest"]["path"] == "packages/core"
    assert "tool" not in found["beta"]
    assert asked(locking) == {"alpha", "beta"}
    assert making.names() == ["core"]
