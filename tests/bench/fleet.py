"""Measures a repository of 200 scripts over 60 packages (`make bench`): what Bazel and Nix make, and what they share."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import QuickIndex

from build_tools import MODULE
from wheel_builder import build_wheel

BIN = Path(sys.executable).parent
SCRIPTS = 200
PACKAGES = 60
LARGE = 20
EDITIONS = ("1.0", "1.1")
BUMPED = ("package-03", "package-41")


class Fleet:
    """A repository whose scripts each need some of the packages, and the index that has them."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repository"
        self.root.mkdir()
        self.index = root / "index"
        self.index.mkdir()
        self._salt = os.urandom(8).hex()  # Nix keeps what it made for other runs
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_STATE_HOME": str(root / "cache"),
            "UV_CACHE_DIR": str(root / "uv"),
        }

    def write(self) -> None:
        """Write scripts and wheels, the same ones each time: every third package is larger than a megabyte."""
        chosen = random.Random(1)
        (self.root / "MODULE.bazel").write_text(MODULE)
        (self.root / "onedigest.toml").write_text(
            'scripts = ["jobs/*.py"]\nbase = "debian:bookworm"\nrules = ["docker", "bazel", "nix"]\n'
        )
        (self.root / "jobs").mkdir()
        for number in range(SCRIPTS):
            names = sorted(chosen.sample(range(PACKAGES), chosen.randint(3, 12)))
            listed = ", ".join(f'"package-{each:02}"' for each in names)
            text = f"# /// script\n# dependencies = [{listed}]\n# ///\nprint({number})\n"
            (self.root / "jobs" / f"job{number:03}.py").write_text(text)
        for number in range(PACKAGES):
            self.publish(number, EDITIONS[0])

    def publish(self, number: int, version: str) -> None:
        """Put a version of a package into the index."""
        size = 2_000_000 if number < LARGE else 60_000
        content = hashlib.shake_256(f"{self._salt} {number} {version}".encode()).digest(size)
        files = {f"package_{number:02}/data.bin": content, f"package_{number:02}/__init__.py": b""}
        build_wheel(self.index, f"package-{number:02}", version, files=files, deflate=False)

    def run(self, *command: str) -> tuple[float, str]:
        """Run a command in the repository, which must succeed; return seconds, and what it said."""
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, errors="replace", check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return time.perf_counter() - start, done.stderr


def summary(log: str) -> str:
    """Return what Bazel says of its actions."""
    found = re.search(r"INFO: (\d+ process(?:es)?: .*)\.", log)
    return found[1] if found else ""


def built(log: str) -> str:
    """Return how many derivations Nix built."""
    return f"{log.count('building ')} derivations"


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory(prefix="onedigest-fleet-") as folder:
        fleet = Fleet(Path(folder))
        fleet.write()
        _measure(fleet, Path(folder))


def _measure(fleet: Fleet, scratch: Path) -> None:
    images = [f"lockfiles/job{number:03}" for number in range(SCRIPTS)]
    bazel = ("bazel", "build", "--output_groups=digests", f"--disk_cache={scratch / 'disk'}")
    every = [f"//{image}" for image in images]
    nix = ("nix-build", "--max-jobs", "auto", "--no-out-link", "-A", "digests", *images)
    if python := os.environ.get("ONEDIGEST_NIX_PYTHON"):
        nix = (*nix, "--argstr", "python", python)

    def row(what: str, seconds: float, said: str = "") -> None:
        print(f"{what:52} {seconds:7.1f} s   {said}", flush=True)

    server = QuickIndex(fleet.index)
    fleet.environment["UV_DEFAULT_INDEX"] = server.address
    row("generate --all", fleet.run("onedigest", "generate", "--all", "-q")[0])
    row("generate --all, nothing changed", fleet.run("onedigest", "generate", "--all", "-q")[0])
    row("generate one", fleet.run("onedigest", "generate", "jobs/job007.py", "-q")[0])
    row("generate --check --all", fleet.run("onedigest", "generate", "--check", "--all", "-q")[0])
    row("fetch --all", fleet.run("onedigest", "fetch", "--all", "-q")[0])
    targets = (fleet.root / "lockfiles" / "BUILD.bazel").read_text().count("_layer(\n")
    print(f"{targets} targets of layers in the shared package")
    seconds, log = fleet.run(*bazel, *every)
    row("Bazel, all digests, cold", seconds, summary(log))
    seconds, log = fleet.run(*bazel, *every)
    row("Bazel, nothing changed", seconds, summary(log))
    seconds, log = fleet.run(*nix)
    row("Nix, all digests, cold", seconds, built(log))
    seconds, log = fleet.run(*nix)
    row("Nix, nothing changed", seconds, built(log))
    row("embedded, all images, cold", fleet.run("onedigest", "build", "--all", "-q")[0])
    row("embedded, nothing changed", fleet.run("onedigest", "build", "--all", "-q")[0])

    server.close()
    for name in BUMPED:
        number = int(name[-2:])
        fleet.publish(number, EDITIONS[1])
        server = QuickIndex(fleet.index)
        fleet.environment["UV_DEFAULT_INDEX"] = server.address
        users = sum(f'"{name}"' in path.read_text() for path in (fleet.root / "jobs").iterdir())
        size = "2 MB" if number < LARGE else "60 kB"
        print(f"{name} ({size}), which {users} scripts need, gets a new version")
        seconds, _ = fleet.run("onedigest", "generate", "--all", "-q", "--upgrade-package", name)
        row(f"generate --all --upgrade-package {name}", seconds)
        row("fetch --all", fleet.run("onedigest", "fetch", "--all", "-q")[0])
        seconds, log = fleet.run(*bazel, *every)
        row("Bazel, all digests", seconds, summary(log))
        seconds, log = fleet.run(*nix)
        row("Nix, all digests", seconds, built(log))
        row("embedded, all images", fleet.run("onedigest", "build", "--all", "-q")[0])
        server.close()
    seconds, log = fleet.run("bazel", f"--output_base={scratch / 'new'}", *bazel[1:], *every)
    row("Bazel on a new machine with the shared cache", seconds, summary(log))
    fleet.run("bazel", f"--output_base={scratch / 'new'}", "shutdown")
    fleet.run("bazel", "shutdown")
    shutil.rmtree(scratch / "new", ignore_errors=True)


if __name__ == "__main__":
    main()
