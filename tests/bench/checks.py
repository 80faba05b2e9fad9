"""Measures what proof and doing nothing cost (`make bench`): checks of 500 scripts, builds that are proven or the same.

`--against CHECKOUT` measures another checkout, which has its environment in .venv, in turn with this one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import QuickIndex

from chaos.mirror import stand_in
from wheel_builder import build_wheel

HERE = Path(__file__).resolve().parent.parent.parent
SCRIPTS = 500
WHEELS = 30
LARGE = 8
FILES = 150
RUNS = 5
MANY_RUNS = 15
"""Of what takes a moment: the best of few says more of the machine."""
LIMIT_MS = 25.0
LIMIT_RATIO = 1.3
NOT_SLOWER = 1.1
"""A tenth is what the same revision differs from itself by."""
INPUTS = (".whl", ".deb", ".pyz")
MACHINES = ("x86_64", "aarch64")


def write_wheels(folder: Path) -> list[str]:
    """Write wheels of many small files, and some that are large and for one platform; return their names."""
    names = [f"package-{number:02}" for number in range(WHEELS)]
    for number, name in enumerate(names):
        module = name.replace("-", "_")
        text = b"".join(b"value_%d = %d\n" % (line, line * number) for line in range(120))
        files = {f"{module}/m{each:03}.py": text[: 200 + each * 9] for each in range(FILES)}
        if number < LARGE:
            for machine in MACHINES:
                library = hashlib.shake_256(f"{name} {machine}".encode()).digest(3_000_000)
                tag = f"cp311-abi3-manylinux_2_28_{machine}"
                build_wheel(folder, name, "1.0", tag=tag, files={**files, f"{module}/lib.so": library})
        else:
            build_wheel(folder, name, "1.0", files=files)
    return names


@dataclass
class Place:
    """A checkout of onedigest, and a folder with a store and projects that it works on."""

    checkout: Path
    root: Path
    environment: dict[str, str]

    def run(self, project: str, *arguments: str, root: Path | None = None) -> float:
        """Run a command in a project, which must succeed; return seconds."""
        at = root or self.root
        own = {"XDG_CACHE_HOME": str(at / "cache"), "XDG_STATE_HOME": str(at / "state")}
        start = time.perf_counter()
        done = subprocess.run(
            [self.checkout / ".venv" / "bin" / "python", "-m", "onedigest", *arguments],
            cwd=at / project,
            env={**self.environment, **own},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        assert done.returncode == 0, f"{self.checkout}: {arguments}: {done.stderr[-2000:]}"
        return seconds

    def prepare(self, names: list[str]) -> None:
        """Lock, fetch and build one script, and lock many."""
        listed = ", ".join(f'"{name}"' for name in names)
        block = f'# /// script\n# requires-python = ">=3.11"\n# dependencies = [{listed}]\n# ///\n'
        for project, count in (("one", 1), ("many", SCRIPTS)):
            jobs = self.root / project / "jobs"
            jobs.mkdir(parents=True)
            settings = 'scripts = ["jobs/*.py"]\nbase = "debian:bookworm"\n'
            if (self.checkout / "assemblers").is_dir():  # older ones write the rules of every engine unasked
                settings += 'rules = ["docker", "bazel", "nix"]\n'
            if (self.checkout / "generator" / "onedigest" / "bytecode").is_dir():  # older ones make none
                settings += "bytecode = false\n"
            (self.root / project / "onedigest.toml").write_text(settings)
            for number in range(count):
                (jobs / f"job{number:03}.py").write_text(f"{block}print({number})\n")
            self.run(project, "generate", "--all", "-q")
        self.run("one", "fetch", "--all", "-q")
        self.run("one", "build", "--all", "-q")

    def fresh(self, *, raw: bool) -> Path:
        """Return a copy, as of a machine that has the checkout and fetched; with `raw`, what was downloaded alone."""
        target = self.root.with_name(f"{self.root.name}-fresh")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        copied = [self.root / name for name in ("one", "cache", *(() if raw else ("state",)))]
        copied = [path for path in copied if path.exists()]  # older checkouts keep no state
        subprocess.run(["cp", "-a", *copied, target], check=True)  # keeps hard links
        shutil.rmtree(target / "one" / "dist")
        inputs = target / "one" / "lockfiles" / ".inputs"
        kept = {path.stat().st_ino for path in inputs.rglob("*") if not raw or path.suffix in INPUTS}
        if raw:
            for path in inputs.iterdir():
                if path.suffix not in INPUTS:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        store = target / "cache" / "onedigest"
        for path in store.glob("sha256/*/*"):
            if path.stat().st_ino not in kept:
                path.unlink()
        for path in store.iterdir():
            if raw and path.name != "sha256":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return target


@dataclass(frozen=True)
class Row:
    """What is measured: how often, how, and how much slower than the other checkout it may be."""

    what: str
    runs: int
    act: Callable[[Place], float]
    limit: float = NOT_SLOWER

    def best(self, places: list[Place]) -> list[float]:
        """Return the seconds of each place, the best of several, the places in turn."""
        found: list[list[float]] = [[] for _ in places]
        for _ in range(self.runs):
            for number, place in enumerate(places):
                found[number].append(self.act(place))
        return [min(each) for each in found]


CHECK = f"generate --check, {SCRIPTS} scripts"
ROWS = (
    Row(CHECK, 3, lambda place: place.run("many", "generate", "--check", "--all", "-q")),
    Row("build, nothing changed", MANY_RUNS, lambda place: place.run("one", "build", "--all", "-q")),
    Row("--version", MANY_RUNS, lambda place: place.run("one", "--version")),
    Row("build --locked, fetched", RUNS, lambda place: _locked(place, raw=False), LIMIT_RATIO),
    Row("build --locked, downloaded alone", RUNS, lambda place: _locked(place, raw=True), LIMIT_RATIO),
)


def _locked(place: Place, *, raw: bool) -> float:
    return place.run("one", "build", "--locked", "--all", "-q", root=place.fresh(raw=raw))


def report(row: Row, seconds: list[float]) -> bool:
    """Print a row of the table; return whether it is over its limit."""
    beside = seconds[1] if len(seconds) > 1 else 0.0
    ratio = seconds[0] / beside if beside else 0.0
    over = ratio > row.limit or (row.what == CHECK and seconds[0] * 1000 / SCRIPTS > LIMIT_MS)
    compared = f"{beside * 1000:.0f} ms | {ratio:.2f}" if beside else " | "
    print(
        f"| {row.what} | {seconds[0] * 1000:.0f} ms | {compared}{' **over**' if over else ''} | {row.limit} |",
        flush=True,
    )
    return over


def main() -> int:
    """Print a table; exit 1 where a limit is passed."""
    parser = argparse.ArgumentParser(prog="checks")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="Measure this one, too.")
    against = parser.parse_args().against
    checkouts = [HERE, *([against.resolve()] if against else [])]
    with tempfile.TemporaryDirectory(prefix="onedigest-checks-") as name, stand_in(Path(name) / "mirror") as mirror:
        folder = Path(name)
        names = write_wheels(folder / "wheels")
        server = QuickIndex(folder / "wheels")
        places = []
        for number, checkout in enumerate(checkouts):
            root = folder / f"p{number}"
            environment = {
                **os.environ,
                "UV_DEFAULT_INDEX": server.address,
                "UV_CACHE_DIR": str(root / "uv"),
                "ONEDIGEST_DEBIAN_MIRROR": f"http://{mirror}/debian",
            }
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            places.append(Place(checkout, root, environment))
            places[-1].prepare(names)
        print("| measured | here | beside | ratio | limit |\n| --- | --: | --: | --: | --: |")
        over = [report(row, row.best(places)) for row in ROWS]
        server.close()
    print(f"\nA check of one script of {SCRIPTS} may take {LIMIT_MS:.0f} ms.")
    return int(any(over))


if __name__ == "__main__":
    sys.exit(main())
