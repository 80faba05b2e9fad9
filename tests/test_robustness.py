"""Kills, full disks and company: whatever happens, the next run works and nothing half-made is left."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import Project
from golden import make_index
from index_server import IndexServer
from onedigest.oci.read import validate

pytestmark = pytest.mark.network

SCRIPT = ('dependencies = ["alpha", "native"]', "[tool.onedigest]", 'base = "debian:bookworm"')


@pytest.fixture
def ready(project: Project, index: IndexServer, tmp_path: Path) -> Project:
    """A project whose inputs are there, with a cache of its own that has no layers."""
    for path in make_index(tmp_path / "wheels").iterdir():
        path.rename(index.folder / path.name)
    project.script("app.py", *SCRIPT)
    project.ok("generate", "app.py")
    project.ok("fetch", "app")
    store, own = Path(project.environment["XDG_CACHE_HOME"]) / "onedigest", tmp_path / "own" / "onedigest"
    for path in (project.root / "lockfiles" / ".inputs").iterdir():
        if path.suffix not in (".whl", ".deb", ".pyz"):
            continue  # made from these
        source = next(each for each in (store / "sha256").glob("*/*") if each.stat().st_ino == path.stat().st_ino)
        target = own / source.relative_to(store)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    project.environment["XDG_CACHE_HOME"] = str(own.parent)
    return project


def start(project: Project) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "onedigest", "build", "app"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_result(project: Project) -> str:
    digest = project.ok("build", "app").out
    assert validate(project.root / "dist" / "app") == []
    return digest


def test_killed_at_any_time_the_next_run_just_works(ready: Project) -> None:
    for number in range(8):
        process = start(ready)
        time.sleep(0.15 + number * 0.2)
        process.kill()
        process.communicate(timeout=60)
        record = ready.root / "lockfiles" / "app" / "image.toml"
        assert not record.exists() or record.read_text().endswith("]\n")

    time.sleep(0.2)
    assert processes_of(ready) == [], "no worker outlives its parent"
    assert check_result(ready).startswith("sha256:")
    assert [path.name for path in (ready.root / "lockfiles" / "app").iterdir() if path.name.startswith(".")] == []


def processes_of(project: Project) -> list[str]:
    """Return the command lines of what still runs with the cache of a project."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if project.environment["XDG_CACHE_HOME"].encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_says_so_and_cleans_up(number: signal.Signals, ready: Project) -> None:
    process = start(ready)
    time.sleep(0.6)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    scratch = Path(ready.environment["XDG_CACHE_HOME"]) / "onedigest" / "scratch"

    assert (process.returncode, err) == (128 + number, "\ninterrupted\n")
    assert not scratch.exists() or list(scratch.iterdir()) == []
    check_result(ready)


def test_two_builds_at_once_give_one_result(ready: Project) -> None:
    processes = [start(ready) for _ in range(3)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in processes]

    assert {code for _, _, code in results} == {0}, results
    assert {out for out, _, _ in results} == {check_result(ready)}


def test_full_disk_is_told_and_leaves_nothing(ready: Project) -> None:
    """A limit on the size of files fails a write in the middle, as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = subprocess.run(
        [sys.executable, "-m", "onedigest", "build", "app"],
        cwd=ready.root,
        env={**ready.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    scratch = Path(ready.environment["XDG_CACHE_HOME"]) / "onedigest" / "scratch"

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: File too large: {scratch.parent}\n")
    assert list(scratch.iterdir()) == []
    assert not (ready.root / "dist").exists()
    assert not (ready.root / "lockfiles" / "app" / "image.toml").exists()
    check_result(ready)


def test_read_only_cache_is_told(ready: Project) -> None:
    if os.geteuid() == 0:
        ready.environment["XDG_CACHE_HOME"] = "/proc/self"
    else:
        Path(ready.environment["XDG_CACHE_HOME"]).chmod(0o555)
    result = ready.run("build", "app")

    assert result.code == 1
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


def test_damaged_layer_in_the_cache_is_made_again(ready: Project) -> None:
    digest = check_result(ready)
    store = Path(ready.environment["XDG_CACHE_HOME"]) / "onedigest" / "sha256"
    for path in store.glob("*/*"):
        if path.stat().st_size > 1 << 20:
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.truncate(1000)
    subprocess.run(["rm", "-rf", str(ready.root / "dist"), str(ready.root / "lockfiles" / ".inputs")], check=True)

    assert ready.ok("build", "app").out == digest
    assert validate(ready.root / "dist" / "app") == []
