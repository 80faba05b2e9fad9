"""Measures what docs/benchmarks.md promises: ratios, side by side in one run (`make bench`)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deflate
from uv import find_uv_bin

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pythons import interpreters_by_version

RUNS = 5
THREADS = len(os.sched_getaffinity(0))
SET = ("polars", "pandas", "pyarrow", "scikit-learn", "flyte")
BIN = Path(sys.executable).parent


def best(action: Callable[[], object], runs: int = RUNS, before: Callable[[], object] = lambda: None) -> float:
    """Return the shortest of several times, in seconds."""
    found = []
    for _ in range(runs):
        before()
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)


class Place:
    """A project with the test set, and a cache of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / "cache"
        self.settings = root / "onedigest.toml"
        self.settings.write_text("bytecode = false\n")  # which has rows of its own
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_STATE_HOME": str(self.cache),
            "UV_CACHE_DIR": str(root / "uv"),
        }
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.write(SET)

    def write(self, dependencies: tuple[str, ...]) -> None:
        listed = ", ".join(f'"{each}"' for each in dependencies)
        block = f'# /// script\n# requires-python = "==3.13.*"\n# dependencies = [{listed}]\n# ///\n'
        (self.root / "bench.py").write_text(f"{block}print()\n")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [BIN / "onedigest", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wheels(self) -> list[Path]:
        return sorted((self.root / "lockfiles" / ".inputs").glob("*.whl"), key=lambda path: -path.stat().st_size)

    def forget_wheel_layers(self, *holding: str) -> None:
        """Remove layers of wheels from the cache, those of Debian packages stay."""
        record = tomllib.loads((self.root / "lockfiles" / "bench" / "image.toml").read_text())
        for each in record["platforms"]:
            for layer in each["layers"]:
                if layer["encoding"] == "splice-1" and (not holding or any(name in layer["holds"] for name in holding)):
                    digest = layer["digest"].partition(":")[2]
                    (self.cache / "onedigest" / "sha256" / digest[:2] / digest).unlink(missing_ok=True)
        shutil.rmtree(self.root / "dist", ignore_errors=True)

    def blobs(self) -> set[Path]:
        """Return the files that the cache has by their digests."""
        return set((self.cache / "onedigest" / "sha256").glob("*/*"))

    def peak(self, *arguments: str) -> int:
        """Return the peak memory of a command and its workers together, in bytes (proportional set size)."""
        command = [str(BIN / "onedigest"), *arguments]
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        most = 0
        while process.poll() is None:
            most = max(most, sum(map(proportional_memory, family(process.pid))))
            time.sleep(0.01)
        return most


def family(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [each for child in path.read_text().split() for each in family(int(child))]
    return found


def proportional_memory(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def inflate_and_hash(wheels: list[Path]) -> None:
    """Read wheels, inflate every member with libdeflate, and hash both forms; nothing is checked or written."""

    def work(path: Path) -> None:
        data = path.read_bytes()
        packed, plain = hashlib.sha256(data), hashlib.sha256()
        with zipfile.ZipFile(path) as archive:
            for each in archive.infolist():
                at = each.header_offset
                start = (
                    at
                    + 30
                    + int.from_bytes(data[at + 26 : at + 28], "little")
                    + int.from_bytes(data[at + 28 : at + 30], "little")
                )
                raw = data[start : start + each.compress_size]
                plain.update(
                    deflate.deflate_decompress(raw, each.file_size) if each.compress_type and each.file_size else raw
                )
        packed.digest()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, wheels))


def uv_lock(place: Place, folder: Path) -> None:
    """Lock the test set with uv alone, from an empty cache."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    listed = ", ".join(f'"{each}"' for each in SET)
    where = (
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
        "sys_platform == 'linux' and platform_machine == 'aarch64'",
    )
    python = "python_full_version >= '3.13' and python_full_version < '3.14'"
    environments = ", ".join(f'"{python} and {each}"' for each in where)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "bench"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'
        f"[tool.uv]\npackage = false\nno-build = true\nenvironments = [{environments}]\n"
    )
    command = [find_uv_bin(), "lock", "-q", "--python", sys.executable, "--no-python-downloads"]
    subprocess.run(command, cwd=folder, env={**place.environment, "UV_CACHE_DIR": str(folder / "cache")}, check=True)


def debian_index(place: Place) -> None:
    """Fetch and read the index of the suite for both architectures, from nothing."""
    code = (
        "import os, pathlib, shutil, sys\n"
        "import datetime\n"
        "from onedigest.debian.archive import Archive\n"
        "from onedigest.debian.mirror import MAIN_VARIABLE, SECURITY_VARIABLE, find_mirrors\n"
        "from onedigest.net.download import Client, Connection\n"
        "from onedigest.store import Store\n"
        "named = [os.environ.get(each, '') for each in (MAIN_VARIABLE, SECURITY_VARIABLE)]\n"
        "mirrors = find_mirrors(*named, pathlib.Path('/etc/apt'))\n"
        "now = lambda: datetime.datetime.now(datetime.UTC)\n"
        "archive = Archive(Client(Connection()), Store(pathlib.Path(sys.argv[1])), mirrors, now)\n"
        "archive.read('trixie', ('amd64', 'arm64'), security=True)\n"
    )
    folder = place.root / "index"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-c", code, str(folder)], env=place.environment, check=True)


def measure(root: Path) -> list[tuple[str, float, str, float, float]]:
    """Return (what, seconds, beside what, seconds, limit of the ratio)."""
    place = Place(root)
    rows = []

    def from_nothing() -> None:
        for folder in (place.cache, place.root / "uv", place.root / "lockfiles"):
            shutil.rmtree(folder, ignore_errors=True)

    locked = best(lambda: place.run("generate", "bench.py"), 3, from_nothing)
    alone = best(lambda: uv_lock(place, root / "alone"), 3) + best(lambda: debian_index(place), 3)
    rows.append(("generate from nothing", locked, "uv lock and the Debian index", alone, 1.5))

    place.run("fetch", "bench")
    place.run("build", "bench")
    record = root / "lockfiles" / "bench" / "image.toml"
    saved = record.read_text()

    def forget_all() -> None:
        place.forget_wheel_layers()
        record.unlink()

    def restore() -> None:
        record.write_text(saved)

    def cold_start() -> None:
        restore()
        forget_all()

    wheels = place.wheels()
    bare = best(lambda: inflate_and_hash(wheels))
    cold = best(lambda: place.run("build", "bench"), before=cold_start)
    rows.append(("first build ever", cold, "inflate all wheels, hash both forms", bare, 1.3))
    cold_start()
    peak = place.peak("build", "bench")

    restore()
    recorded = best(lambda: place.run("build", "--locked", "bench"), before=place.forget_wheel_layers)
    rows.append(("proof of a record, layers made", recorded, "inflate all wheels, hash both forms", bare, 1.5))
    proven = best(lambda: place.run("build", "--locked", "bench"))
    rows.append(("proof of a record, layers there", proven, "inflate all wheels, hash both forms", bare, 1))

    changed = best(lambda: place.run("build", "bench"), before=lambda: place.forget_wheel_layers("pygments"))
    rows.append(("one small dependency changed", changed, "first build ever", cold, 0.1))

    click = best(lambda: subprocess.run([sys.executable, "-c", "import click"], env=place.environment, check=True), 15)
    same = best(lambda: place.run("build", "bench"), 15)
    rows.append(("build, nothing changed", same, "python -c 'import click'", click, 3))
    rows.append(("--version", best(lambda: place.run("--version"), 15), "python -c 'import click'", click, 2))

    print(f"peak memory of the first build: {peak / 1e6:.0f} MB (limit 400 MB)")
    return rows + measure_bytecode(place) + check_many(place)


def measure_bytecode(place: Place) -> list[tuple[str, float, str, float, float]]:
    """Measure the bytecode of all layers and of the base's library, of which nothing is known before."""
    before = place.blobs()
    place.settings.write_text("")
    place.run("generate", "bench.py")
    record = place.root / "lockfiles" / "bench" / "image.toml"

    def forget() -> None:
        for path in place.blobs() - before:
            path.unlink()
        shutil.rmtree(place.cache / "onedigest" / "pythons", ignore_errors=True)
        record.unlink(missing_ok=True)

    made = best(lambda: place.run("build", "bench"), 3, forget)
    forget()
    peak = place.peak("build", "bench")
    same = best(lambda: place.run("build", "bench"), 15)
    proven = best(lambda: place.run("build", "--locked", "bench"))
    sources, compiled = compile_all(place)
    print(f"peak memory of the build of bytecode: {peak / 1e6:.0f} MB; compileall has {sources:,} sources")
    return [
        ("bytecode of all layers and the base", made, "12 s", 12, 1),
        ("bytecode of all layers and the base", made, "compileall of one platform's wheels", compiled, 2),
        ("build with bytecode, nothing changed", same, "bytecode of all layers and the base", made, 0.1),
        ("proof of a record with bytecode, layers there", proven, "bytecode of all layers and the base", made, 0.2),
    ]


def compile_all(place: Place) -> tuple[int, float]:
    """Return how many sources the wheels of one platform have, and the seconds that CPython's compileall takes."""
    python = interpreters_by_version()["3.13"]
    target = place.root / "installed"
    wheels = [each for each in place.wheels() if "aarch64" not in each.name]
    shutil.rmtree(target, ignore_errors=True)
    for wheel in wheels:
        shutil.unpack_archive(wheel, target, "zip")
    code = "import compileall, sys; compileall.compile_dir(sys.argv[1], quiet=2, force=True, workers=int(sys.argv[2]))"
    command = [python, "-c", code, str(target), str(THREADS)]
    seconds = best(lambda: subprocess.run(command, check=True), 3)
    return sum(1 for _ in target.rglob("*.py")), seconds


def check_many(place: Place) -> list[tuple[str, float, str, float, float]]:
    """Measure `generate --check` for 250 and 500 scripts that share the lock's size."""
    lock = place.root / "lockfiles" / "bench" / "pylock.toml"
    text = lock.read_text()
    for count in range(500):
        name = f"s{count:03}"
        script = (
            (place.root / "bench.py")
            .read_text()
            .replace("# ///\nprint", f'# [tool.onedigest]\n# name = "{name}"\n# ///\nprint')
        )
        (place.root / "many").mkdir(exist_ok=True)
        (place.root / "many" / f"{name}.py").write_text(script)
    code = (
        "import sys\nfrom dataclasses import replace\nfrom pathlib import Path\nfrom onedigest.definition import script, spec\n"
        "from onedigest.definition.files import collect\nfrom onedigest.lock import text as lock_text\nfrom onedigest.plan.arrange import arrange\n"
        "from onedigest.definition.project import find\nfrom onedigest.rules import image as rules\n"
        "from onedigest.rules.files import write\nfrom onedigest.rules.folder import write_folder\n"
        "lock, made_all = lock_text.loads(sys.stdin.read(), 'lock'), []\n"
        "for path in sorted(Path('many').glob('*.py')):\n"
        "    text = script.parse(path.read_bytes(), str(path))\n"
        "    found = spec.specify(text, find(path.resolve().parent), str(path))\n"
        "    own = replace(lock, spec=found.digest(), script=str(path), asked=spec.dumps(found).decode())\n"
        "    files = collect(found, text, path.parent)\n"
        "    made = rules.render_rules(found, own, arrange(found, own, files), Path('lockfiles').resolve())\n"
        "    write(Path('lockfiles'), made.files)\n"
        "    made_all.append(made)\n"
        "write_folder(made_all, Path('lockfiles').resolve())\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], input=text, text=True, cwd=place.root, env=place.environment, check=True
    )
    names = [f"many/s{count:03}.py" for count in range(500)]
    half = best(lambda: place.run("generate", "--check", *names[:250]), 3)
    full = best(lambda: place.run("generate", "--check", *names), 3)
    return [
        ("generate --check, 500 scripts", full, "250 scripts", half, 2.2),
        ("generate --check, one script of 500", full / 500, "10 ms", 0.010, 1),
    ]


def main() -> int:
    """Print the table; exit 1 where a limit is passed."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "",
    )
    print(
        f"{platform.system()} {platform.machine()}, {THREADS} processors ({model}), Python {platform.python_version()}\n"
    )
    print("| measured | time | beside | time | ratio | limit |\n| --- | --: | --- | --: | --: | --: |")
    for what, seconds, beside, other, limit in rows:
        mark = "" if seconds / other <= limit else " **over**"
        print(
            f"| {what} | {seconds * 1000:.0f} ms | {beside} | {other * 1000:.0f} ms | {seconds / other:.2f}{mark} | {limit} |"
        )
    return int(any(seconds / other > limit for _, seconds, _, other, limit in rows))


if __name__ == "__main__":
    sys.exit(main())
