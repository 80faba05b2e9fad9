"""A built project on a tiny base, copied for each attack: nothing of a machine or of another test is touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from base_images import RUNNING, put_image, python_image
from conftest import ALL_RULES, Project, machine_environment
from index_server import IndexServer
from locking import Locking
from registry_server import serve_registry
from wheel_builder import build_wheel


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on loopback, which has the base `tiny:3`."""
    with serve_registry(tmp_path_factory.mktemp("registry")) as served:
        put_image(served.host, "tiny", "3", python_image(RUNNING))
        yield served.host


@pytest.fixture(scope="session")
def template(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a project, whose image is built and recorded, and with its cache and state."""
    folder = tmp_path_factory.mktemp("template")
    wheels = folder / "wheels"
    wheels.mkdir()
    build_wheel(wheels, "alpha", "1.0", files={"alpha/__init__.py": b"x = 1\n" * 500})
    server = IndexServer(wheels)
    (folder / "address").write_text(server.address)
    project = Project(folder / "project", environment_of(folder))
    project.write("onedigest.toml", ALL_RULES)
    block = ('requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", f'base = "{host}/tiny:3"')
    project.script("app.py", *block, code="print('honest')\n")
    project.ok("build", "app.py")
    yield folder
    server.close()


@pytest.fixture
def app(template: Path, tmp_path: Path) -> Project:
    """A copy of the built project, with a cache of its own."""
    for name in ("project", "cache"):
        shutil.copytree(template / name, tmp_path / name, symlinks=True)
    shutil.copy(template / "address", tmp_path)
    return Project(tmp_path / "project", environment_of(tmp_path))


@pytest.fixture
def locking(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Locking]:
    """A copy of the built project, and an index that has `alpha` 1.0 and `beta` 1.0."""
    for name in ("project", "cache", "wheels"):
        shutil.copytree(template / name, tmp_path / name, symlinks=True)
    index = IndexServer(tmp_path / "wheels")
    (tmp_path / "address").write_text(index.address)
    project = Project(tmp_path / "project", environment_of(tmp_path))
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project.root)
    yield Locking(project, index, capsys)
    index.close()


def environment_of(folder: Path) -> dict[str, str]:
    """Return the variables of commands that have a home and a cache in a folder."""
    address = (folder / "address").read_text()
    return {**machine_environment(folder, folder / "cache"), "UV_DEFAULT_INDEX": address}
