"""Signals, full disks, damage and company: it is told, and the next run works. tests/chaos has the campaigns."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.world import World, small_world
from onedigest.oci.validate import validate


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(tmp_path_factory.mktemp("robust")) as world:
        yield world


@pytest.fixture
def ready(settled: World, tmp_path: Path) -> World:
    """A world whose inputs are there, with a store of its own that has no layers; all is copied, for tests damage it."""
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "tmp")}
    world = replace(settled, root=tmp_path, environment={**settled.environment, **environment})
    world.write()
    shutil.copytree(settled.project / "lockfiles", world.project / "lockfiles")
    world.forget("lockfiles/job/image.toml")
    inputs = sorted(path for path in (world.project / "lockfiles" / ".inputs").rglob("*") if path.is_file())
    for path in inputs:
        name = settled.files[str(path.relative_to(world.project))]
        kept = Path("sha256") / name[:2] / name
        if (settled.store / kept).exists():
            (world.store / kept).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(settled.store / kept, world.store / kept)
            path.unlink()
            os.link(world.store / kept, path)
    return world


def start_building(world: World) -> subprocess.Popen[str]:
    """Start a build; return when it has begun to make layers."""
    process = world.start("build", "job")
    while process.poll() is None and not any((world.store / "scratch").glob("*/*")):
        time.sleep(0.001)
    return process


def check_result(world: World) -> None:
    result = world.run("build", "job")
    assert (result.code, result.out.strip()) == (0, world.digest), result.err
    assert validate(world.project / "dist" / "job") == []
    assert world.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_says_so_and_cleans_up(number: signal.Signals, ready: World) -> None:
    process = start_building(ready)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (128 + number, "\ninterrupted\n")
    assert ready.leftovers() == []
    check_result(ready)


def test_two_builds_at_once_give_one_result(ready: World) -> None:
    processes = [ready.start("build", "job") for _ in range(3)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in processes]

    assert {(code, out.strip()) for out, _, code in results} == {(0, ready.digest)}, results
    check_result(ready)


def test_full_disk_is_told_and_leaves_nothing(ready: World) -> None:
    """A limit on the size of files fails a write in the middle, as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))

    done = subprocess.run(
        [sys.executable, "-m", "onedigest", "build", "job"],
        cwd=ready.project,
        env=ready.environment,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )

    said = done.stderr.splitlines()
    assert (done.returncode, done.stdout, said[-1]) == (1, "", f"error: File too large: {ready.store}")
    assert "LICENSE" in said[0], "what is odd about the wheels"
    assert len(said) == 2
    assert ready.leftovers() == []
    assert not (ready.project / "dist").exists()
    assert not (ready.project / "lockfiles" / "job" / "image.toml").exists()
    check_result(ready)


def test_read_only_cache_is_told(ready: World) -> None:
    if os.geteuid() == 0:
        ready.environment["XDG_CACHE_HOME"] = "/proc/self"
    else:
        Path(ready.environment["XDG_CACHE_HOME"]).chmod(0o555)
    result = ready.run("build", "job")

    assert result.code == 1
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


def test_damaged_layer_in_the_cache_is_made_again(ready: World) -> None:
    check_result(ready)
    for path in ready.store.glob("sha256/*/*"):
        if path.stat().st_size > 1 << 18:
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.truncate(1000)
    ready.forget("dist", "lockfiles/.inputs")

    check_result(ready)
