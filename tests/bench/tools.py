"""Measures one image in Bazel and in Nix beside the embedded engine (`make bench`): real wheels, both platforms."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from build_tools import MODULE

BIN = Path(sys.executable).parent
PACKAGES = ("polars", "pyarrow", "numpy")
BEFORE = "attrs==25.1.0"
AFTER = "attrs==25.3.0"
CASES = ("cold", "one wheel bumped", "script edited", "nothing changed")


class Tools:
    """A project of one script, built with inputs that are there."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        (self.root / "MODULE.bazel").write_text(MODULE)
        (self.root / "onedigest.toml").touch()
        self.cache = root / "cache"
        self.python = os.environ.get("ONEDIGEST_NIX_PYTHON", "/usr/bin/python3")
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_STATE_HOME": str(self.cache),
            "UV_CACHE_DIR": str(root / "uv"),
        }
        self.edits = time.time_ns()  # Nix keeps what it made for other runs

    def write(self, dependencies: Iterable[str]) -> None:
        """Write the script, each time with another last line. Bytecode is an input of Bazel and Nix, so none is made here."""
        self.edits += 1
        listed = ", ".join(f'"{each}"' for each in dependencies)
        block = f'# /// script\n# dependencies = [{listed}]\n# [tool.onedigest]\n# base = "debian:bookworm"\n# bytecode = false\n# ///\n'
        (self.root / "bench.py").write_text(f"{block}print({self.edits})\n")

    def lock(self) -> None:
        self.run("onedigest", "generate", "bench.py")
        self.run("onedigest", "fetch", "bench")

    def run(self, *command: str) -> str:
        """Run a command, which must succeed; return what it said."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, errors="replace", check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    def embedded(self) -> int:
        """Build; return how many layers were made."""
        said = self.run("onedigest", "build", "bench")
        found = re.search(r"(\d+) made", said)
        return int(found[1]) if found else 0

    def bazel(self) -> int:
        """Build the layout; return how many actions ran."""
        found = re.search(r"(\d+) (?:processwrapper|linux)-sandbox", self.run("bazel", "build", "//lockfiles/bench"))
        return int(found[1]) if found else 0

    def nix(self) -> int:
        """Build the layout; return how many derivations were built."""
        command = ("nix-build", "--max-jobs", "auto", "--no-out-link", "lockfiles/bench")
        return self.run(*command, "--argstr", "python", self.python).count("building ")

    def forget(self) -> None:
        """Forget all layers, but not the inputs. Nix forgets nothing, but another name of its Python is another builder."""
        self.run("bazel", "clean")
        shutil.rmtree(self.root / "dist", ignore_errors=True)
        shutil.rmtree(self.cache / "onedigest" / "layers", ignore_errors=True)
        (self.root / "lockfiles" / "bench" / "image.toml").unlink(missing_ok=True)
        folder, _, name = self.python.rpartition("/")
        self.python = f"{folder}/{'./' * random.randrange(1, 300)}{name}"


def timed(action: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    count = action()
    return time.perf_counter() - start, count


def measure(tools: Tools) -> dict[str, dict[str, tuple[float, int]]]:
    """Return seconds and numbers of what was made, by way and case; the best of three."""
    ways = {"onedigest embedded": tools.embedded, "Bazel": tools.bazel, "Nix": tools.nix}
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for way, build in ways.items():
        several: dict[str, list[tuple[float, int]]] = {case: [] for case in CASES}
        for _ in range(3):
            tools.write((*PACKAGES, BEFORE))
            tools.lock()
            tools.forget()
            several["cold"].append(timed(build))
            tools.write((*PACKAGES, AFTER))
            tools.lock()
            several["one wheel bumped"].append(timed(build))
            tools.write((*PACKAGES, AFTER))
            several["script edited"].append(timed(build))
            several["nothing changed"].append(timed(build))
        found[way] = {case: min(rows) for case, rows in several.items()}
        print(f"{way}: measured", file=sys.stderr)
    return found


def main() -> int:
    """Print the table; there is nothing to print where a tool is missing."""
    if missing := [tool for tool in ("bazel", "nix-build") if not shutil.which(tool)]:
        print(f"there is no {' and no '.join(missing)}, so build tools are not measured (`make engines` brings them)")
        return 0
    with tempfile.TemporaryDirectory(prefix="onedigest-tools-") as folder:
        tools = Tools(Path(folder))
        try:
            found = measure(tools)
        finally:
            tools.run("bazel", "shutdown")
    print(
        f"\n{', '.join(PACKAGES)} and attrs; both platforms; inputs are there; {len(os.sched_getaffinity(0))} processors"
    )
    print("seconds, and how many layers, actions or derivations were made\n")
    print("|  |" + "".join(f" {case} |" for case in CASES))
    print("| --- |" + " --: |" * len(CASES))
    for way, rows in found.items():
        print(f"| {way} |" + "".join(f" {rows[case][0]:.2f} ({rows[case][1]}) |" for case in CASES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
