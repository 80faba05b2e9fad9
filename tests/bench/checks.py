"""Measures what proof costs (`make bench`): `generate --check` for 500 scripts, and `build --locked` on a fresh machine.

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
LIMIT_MS = 25.0
LIMIT_RATIO = 1.3
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


def measure(places: list[Place]) -> list[tuple[str, list[float]]]:
    """Return (what, seconds of each place), best of several, the places in turn."""
    rows: list[tuple[str, list[float]]] = []

    def best(what: str, runs: int, act: str) -> None:
        found: list[list[float]] = [[] for _ in places]
        for _ in range(runs):
            for number, place in enumerate(places):
                found[number].append(_once(place, act))
        rows.append((what, [min(each) for each in found]))

    best(f"generate --check, {SCRIPTS} scripts", 3, "check")
    best("build --locked, fetched", RUNS, "fetched")
    best("build --locked, downloaded alone", RUNS, "raw")
    return rows


def _once(place: Place, act: str) -> float:
    if act == "check":
        return place.run("many", "generate", "--check", "--all", "-q")
    return place.run("one", "build", "--locked", "--all", "-q", root=place.fresh(raw=act == "raw"))


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
        rows = measure(places)
        server.close()
    print("| measured | here | beside | ratio | limit |\n| --- | --: | --: | --: | --: |")
    over = False
    for what, seconds in rows:
        other = f"{seconds[1] * 1000:.0f} ms" if against else ""
        ratio = f"{seconds[0] / seconds[1]:.2f}" if against else ""
        limit = LIMIT_RATIO
        if "--check" in what:
            each = seconds[0] * 1000 / SCRIPTS
            print(f"| {what}, each | {each:.1f} ms | {seconds[-1] * 1000 / SCRIPTS:.1f} ms | | {LIMIT_MS:.0f} ms |")
            over |= each > LIMIT_MS
        else:
            print(f"| {what} | {seconds[0] * 1000:.0f} ms | {other} | {ratio} | {limit} |")
            over |= bool(against) and seconds[0] / seconds[1] > limit
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
