"""Attack: `make test` on a developer's machine, whose filled cache the tests damaged through hard links."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

DAMAGING = "tests/commands/test_robustness.py::test_damaged_layer_in_the_cache_is_made_again"
STAMP = 315619200


def test_tests_change_nothing_in_the_users_cache(tmp_path: Path) -> None:
    """Neither in the cache that a user names nor in the one that every user has."""
    places = {"XDG_CACHE_HOME": tmp_path / "given", "HOME": tmp_path / "home"}
    for cache in (places["XDG_CACHE_HOME"], places["HOME"] / ".cache"):
        fill(cache / "onedigest" / "sha256")
    before = {path: state(path) for path in tmp_path.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", DAMAGING],
        cwd=ROOT,
        env={**os.environ, **{name: str(place) for name, place in places.items()}},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: state(path) for path in tmp_path.rglob("*")} == before


def fill(folder: Path) -> None:
    """Put a large file into a store, as a program keeps it."""
    data = b"kept" * (1 << 19)
    name = hashlib.sha256(data).hexdigest()
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, (STAMP, STAMP))


def state(path: Path) -> tuple[int, int, str]:
    """Return what a write would change of a file: mode, time and content."""
    found = path.stat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found.st_mode, found.st_mtime_ns, content
