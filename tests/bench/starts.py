"""Measures what bytecode gives and costs (`make bench`): CPU seconds of a start, a cold build, and bytes on the wire."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import BIN, MACHINES, QuickIndex, bring_uv, timed

from index_server import IndexServer

FRAMES = ("pandas", "pyarrow", "scikit-learn")
REQUESTS = ("requests",)
IMPORTS = {FRAMES: "import pandas, pyarrow, sklearn", REQUESTS: "import requests"}
ROUNDS = 5
"""How often each image is started, in turn with the others."""

STARTS = 3
"""How often Python is started in each container: the first time reads from the disk."""

COLD = 2
PLATFORM = "linux/amd64"
PYTHON = "3.13"
COMPILED, PLAIN, COMPILEALL, DOCKERFILE = "onedigest", "onedigest, `bytecode = false`", "compileall", "Dockerfile, uv"

# Everything is what uv's own guide for docker says: stages, a mounted cache, copies in place of links, bytecode
BEST_PRACTICE = f"""\
FROM base AS build
COPY uv-amd64 /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_DEFAULT_INDEX=@INDEX@
RUN --network=none ["/usr/local/bin/uv", "venv", "/opt/venv", "--python", "/usr/bin/python{PYTHON}"]
RUN --network=host --mount=type=cache,target=/root/.cache/uv --mount=type=bind,source=requirements.txt,target=/requirements.txt ["/usr/local/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "-r", "/requirements.txt"]

FROM base
COPY --link --from=build /opt/venv /opt/venv
COPY bench.py /app/bench.py
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/opt/venv/bin/python", "/app/bench.py"]
"""

# the packages of onedigest's image, and the standard library below them, as CPython's own compileall writes bytecode
ALL = f"""\
FROM plain
USER 0:0
RUN --network=none ["/opt/venv/bin/python", "-c", "import compileall as c; [c.compile_dir(each, quiet=2, invalidation_mode=c.py_compile.PycInvalidationMode.UNCHECKED_HASH) for each in ('/opt/venv/lib', '/usr/lib/python{PYTHON}')]"]
USER 65532:65532
"""

# prints the least CPU seconds, of user and system, that a process takes
START = """\
import os, sys
least = float("inf")
for _ in range(int(sys.argv[2])):
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", sys.argv[1]], os.environ)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    least = min(least, used.ru_utime + used.ru_stime)
print(least)
"""


def run(command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a command, which must succeed; return what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
    return done.stdout


class Case:
    """One script with its packages: as projects of onedigest with and without bytecode, and as a folder of docker."""

    def __init__(self, root: Path, packages: tuple[str, ...]) -> None:
        self.root = root
        self.packages = packages
        self.plain = root / "plain"
        self.base: set[str] = set()
        self.library: set[str] = set()
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_STATE_HOME": str(root / "cache"),
            "UV_CACHE_DIR": str(root / "uv"),
        }
        listed = ", ".join(f'"{each}"' for each in packages)
        script = f'# /// script\n# requires-python = "=={PYTHON}.*"\n# dependencies = [{listed}]\n# ///\nprint()\n'
        for way in ("with", "without", "plain"):
            (root / way).mkdir(parents=True)
            (root / way / "bench.py").write_text(script)
            (root / way / "onedigest.toml").write_text("bytecode = false\n" if way == "without" else "")
        (self.plain / "requirements.txt").write_text("\n".join(packages) + "\n")

    def prepare(self, uv: Path) -> IndexServer:
        """Bring real wheels once, serve them on loopback, and build each image once."""
        self.onedigest("without", "generate", "bench.py")
        self.onedigest("without", "fetch", "bench")
        index = self.root / "index"
        inputs = self.root / "without" / "lockfiles" / ".inputs"
        index.mkdir()
        for wheel in inputs.glob("*.whl"):
            shutil.copy(wheel, index)
        shutil.copytree(next(path for path in inputs.iterdir() if (path / "oci-layout").is_file()), self.plain / "base")
        shutil.copy(uv, self.plain / "uv-amd64")
        server = QuickIndex(index)
        self.environment["UV_DEFAULT_INDEX"] = server.address
        (self.plain / "best").write_text(BEST_PRACTICE.replace("@INDEX@", server.address))
        (self.plain / "all").write_text(ALL)
        self.base = {blob.name for blob in self.blobs()} - {
            hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in index.iterdir()
        }
        self.onedigest("with", "generate", "bench.py")
        for way in ("without", "with"):
            self.build(way, "")
        self.docker("best")
        self.docker("all", "--build-context", self.context("plain", self.layout("without")))
        return server

    def onedigest(self, way: str, *arguments: str) -> None:
        run([BIN / "onedigest", *arguments], self.root / way, self.environment)

    def build(self, way: str, platform: str = PLATFORM) -> None:
        self.onedigest(way, "build", *(("--platform", platform) if platform else ()), "bench.py")

    def layout(self, way: str) -> Path:
        return self.root / way / "dist" / "bench"

    def docker(self, file: str, *options: str) -> None:
        command = ("docker", "buildx", "build", "--allow", "network.host", "-q", "-f", file, "--platform", PLATFORM)
        output = f"type=oci,dest={self.root}/{file},tar=false"
        base = ("--provenance=false", "--build-context", "base=oci-layout://base", "--output", output)
        run([*command, *base, *options, "."], self.plain)

    def load(self, name: str) -> dict[str, str]:
        """Give docker each image; return their names there, by way."""
        found = {way: f"bench-start-{name}-{number}" for number, way in enumerate(self.layouts())}
        for way, layout in self.layouts().items():
            (self.plain / "Dockerfile").write_text("FROM image\n")
            context = ("--build-context", self.context("image", layout), "-t", found[way], "--load", ".")
            run(["docker", "buildx", "build", "-q", "--platform", PLATFORM, *context], self.plain)
        return found

    def context(self, name: str, layout: Path) -> str:
        """Return the option that calls a layout by a name in a Dockerfile."""
        shutil.rmtree(self.plain / name, ignore_errors=True)
        shutil.copytree(layout, self.plain / name)
        digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
        return f"{name}=oci-layout://{name}@{digest}"

    def layouts(self) -> dict[str, Path]:
        return {
            COMPILED: self.layout("with"),
            PLAIN: self.layout("without"),
            COMPILEALL: self.root / "all",
            DOCKERFILE: self.root / "best",
        }

    def forget(self, *, library: bool) -> None:
        """Forget wheels, layers and images, but not the lock, and not the base, which docker has at hand too.

        With `library`, the bytecode of the base's standard library is forgotten, which docker's base does not have, and
        the interpreter that was unpacked.
        """
        run(["docker", "buildx", "prune", "--all", "--force"], self.plain)
        shutil.rmtree(self.root / "uv", ignore_errors=True)
        for way in ("with", "without"):
            record = self.root / way / "lockfiles" / "bench" / "image.toml"
            for row in tomllib.loads(record.read_text())["platforms"] if record.exists() else ():
                for layer in row["layers"]:
                    if layer["holds"].startswith("bytecode of debian:"):
                        self.library.add(layer["digest"][7:])
            record.unlink(missing_ok=True)
            shutil.rmtree(self.root / way / "dist", ignore_errors=True)
            for wheel in (self.root / way / "lockfiles" / ".inputs").glob("*.whl"):
                wheel.unlink()
        kept = self.base if library else self.base | self.library
        for blob in self.blobs():
            if blob.name not in kept:
                blob.unlink()
        if library:
            for folder in (self.root / "cache" / "onedigest").glob("pythons*"):
                shutil.rmtree(folder)

    def blobs(self) -> list[Path]:
        return list((self.root / "cache" / "onedigest" / "sha256").glob("*/*"))


def size_on_the_wire(layout: Path) -> tuple[int, int]:
    """Return how many layers the image of the platform has, and their compressed bytes."""

    def read(digest: str) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads((layout / "blobs" / "sha256" / digest[7:]).read_text())
        return found

    document = json.loads((layout / "index.json").read_text())
    while "manifests" in document:
        document = read(str(next(each for each in document["manifests"] if _is_wanted(each))["digest"]))
    return len(document["layers"]), sum(int(str(each["size"])) for each in document["layers"])


def _is_wanted(manifest: dict[str, object]) -> bool:
    platform = manifest.get("platform")
    return not isinstance(platform, dict) or platform["architecture"] == PLATFORM.partition("/")[2]


def measure_starts(images: dict[str, str], code: str) -> dict[str, float]:
    """Return the least CPU seconds by way; containers of all ways are started in turn."""
    found = dict.fromkeys(images, float("inf"))
    for _ in range(ROUNDS):
        for way, image in images.items():
            options = ("--rm", "--network", "none", "--entrypoint", "/opt/venv/bin/python")
            said = run(["docker", "run", *options, image, "-c", START, code, str(STARTS)], Path("/"))
            found[way] = min(found[way], float(said))
    return found


def measure_builds(case: Case) -> dict[str, float]:
    """Return seconds by way of a cold build, the least of several, in turn."""
    ways: dict[str, tuple[Callable[[], None], bool]] = {
        "onedigest": (lambda: case.build("with"), False),
        "the same, and the base's bytecode": (lambda: case.build("with"), True),
        "onedigest, both platforms": (lambda: case.build("with", ""), False),
        PLAIN: (lambda: case.build("without"), False),
        DOCKERFILE: (lambda: case.docker("best"), False),
    }
    found = dict.fromkeys(ways, float("inf"))
    for _ in range(COLD):
        for way, (build, library) in ways.items():
            case.forget(library=library)
            found[way] = min(found[way], timed(build))
    return found


def main() -> int:
    """Print the tables and the ratios; exit 1 where a goal is missed."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        print("no docker daemon answers, so starts are not measured (`make engines` starts one)")
        return 0
    goals: dict[str, bool] = {}
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a file
    with tempfile.TemporaryDirectory(prefix="onedigest-starts-") as folder:
        uv = Path(folder) / "uv-amd64"
        bring_uv(Path(folder), "amd64", MACHINES["amd64"], uv)
        for number, packages in enumerate((FRAMES, REQUESTS)):
            case = Case(Path(folder) / str(number), packages)
            server = case.prepare(uv)
            images = case.load(str(number))
            try:
                starts = measure_starts(images, IMPORTS[packages])
                sizes = {way: size_on_the_wire(layout) for way, layout in case.layouts().items()}
                builds = measure_builds(case)
            finally:
                server.close()
                run(["docker", "image", "rm", "--force", *images.values()], case.plain)
            _show(packages, starts, sizes, builds)
            name = packages[0]
            goals |= {
                f"{name}: no slower a start than compileall's": round(starts[COMPILED] / starts[COMPILEALL], 1) <= 1,
                f"{name}: a cold build 3 times as fast as the Dockerfile": builds[DOCKERFILE] / builds["onedigest"]
                >= 3,
            }
    print("\n" + json.dumps({goal: "reached" if reached else "MISSED" for goal, reached in goals.items()}, indent=2))
    return int(not all(goals.values()))


def _show(
    packages: tuple[str, ...],
    starts: dict[str, float],
    sizes: dict[str, tuple[int, int]],
    builds: dict[str, float],
) -> None:
    print(f"\n{', '.join(packages)}; {PLATFORM}, Python {PYTHON}; {len(os.sched_getaffinity(0))} processors\n")
    print("| image | CPU seconds of a start | ratio | layers | MB on the wire | ratio |")
    print("| --- | --: | --: | --: | --: | --: |")
    for way, seconds in starts.items():
        (count, size), own = sizes[way], sizes[COMPILED][1]
        print(
            f"| {way} | {seconds:.2f} | {seconds / starts[COMPILED]:.2f} | {count} | {size / 1e6:.1f} | {size / own:.2f} |"
        )
    print("\n| cold build | seconds | ratio |\n| --- | --: | --: |")
    for way, seconds in builds.items():
        print(f"| {way} | {seconds:.2f} | {seconds / builds['onedigest']:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
