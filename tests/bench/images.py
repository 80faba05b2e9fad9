"""Measures images side by side with docker as people use it today (`make bench`): same packages, same loopback index."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from uv import find_uv_bin

from index_server import IndexServer, send

BIN = Path(sys.executable).parent
PACKAGES = ("polars", "pyarrow", "numpy")
ADDED = "attrs==25.1.0"
BUMPED = "attrs==25.3.0"
PLATFORMS = "linux/amd64,linux/arm64"
PYTHON = "/usr/bin/python3.11"
SITE = "/opt/venv/lib/python3.11/site-packages"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

CROSS = """\
FROM --platform=$BUILDPLATFORM base AS build
ARG BUILDARCH
COPY uv-${BUILDARCH} /usr/local/bin/uv
COPY requirements.txt /

FROM build AS build-amd64
RUN --network=host --mount=type=cache,target=/root/.cache/uv [@x86_64-manylinux_2_28@]

FROM build AS build-arm64
RUN --network=host --mount=type=cache,target=/root/.cache/uv [@aarch64-manylinux_2_28@]

FROM build-${TARGETARCH} AS packages

FROM base
COPY --link --from=packages /out @SITE@
COPY bench.py /app/bench.py
ENV PYTHONPATH=@SITE@
USER 65532:65532
ENTRYPOINT ["@PYTHON@", "/app/bench.py"]
"""

FLYTE = """\
FROM base
ARG TARGETARCH
COPY uv-${TARGETARCH} /usr/local/bin/uv
RUN --network=host ["/usr/local/bin/uv", "venv", "/opt/venv", "--python", "@PYTHON@"]
COPY requirements.txt /
RUN --network=host --mount=type=cache,target=/root/.cache/uv,id=uv,sharing=locked ["/usr/local/bin/uv", "pip", "install", "--python", "/opt/venv/bin/python", "--index-url", "@INDEX@", "--link-mode", "copy", "--compile-bytecode", "-r", "/requirements.txt"]
COPY bench.py /app/bench.py
ENTRYPOINT ["/opt/venv/bin/python", "/app/bench.py"]
"""


class QuickIndex(IndexServer):
    """Serves as indexes do: documents that were made before, and the metadata of wheels beside them (PEP 658)."""

    def __init__(self, folder: Path) -> None:
        self._answers: dict[str, tuple[bytes, str]] = {}
        projects: dict[str, list[dict[str, object]]] = {}
        for path in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(path) as archive:
                name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
                metadata = archive.read(name)
            self._answers[f"/files/{path.name}.metadata"] = (metadata, "text/plain")
            row: dict[str, object] = {
                "filename": path.name,
                "url": f"/files/{path.name}",
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                "size": path.stat().st_size,
                "upload-time": "2026-01-02T03:04:05Z",
                "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
            }
            projects.setdefault(re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower(), []).append(row)
        for name, rows in projects.items():
            document = {"meta": {"api-version": "1.1"}, "name": name, "files": rows, "versions": []}
            kind = "application/vnd.pypi.simple.v1+json"
            self._answers[f"/simple/{name}"] = (json.dumps(document).encode(), kind)
        super().__init__(folder)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        if known := self._answers.get(request.path.rstrip("/")):
            send(request, *known)
        else:
            super().answer(request)


class Bench:
    """A project of onedigest and a folder of docker, with the same script and the same dependencies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.plain = root / "plain"
        for folder in (self.project, self.plain):
            folder.mkdir()
        (self.project / "onedigest.toml").touch()
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_STATE_HOME": str(root / "cache"),
            "UV_CACHE_DIR": str(root / "uv"),
        }
        self.dependencies: tuple[str, ...] = PACKAGES
        self.edits = 0

    def prepare(self) -> IndexServer:
        """Bring real wheels once, serve them on loopback, and give docker what it needs to start from."""
        self.write((*PACKAGES, ADDED))
        self.onedigest("generate", "bench.py")
        self.onedigest("fetch", "bench")
        self.write((*PACKAGES, BUMPED))
        self.onedigest("generate", "bench.py")
        self.onedigest("fetch", "bench")
        index = self.root / "index"
        index.mkdir()
        inputs = self.project / "lockfiles" / ".inputs"
        for wheel in inputs.glob("*.whl"):
            shutil.copy(wheel, index / wheel.name)
        layout = next(path for path in inputs.iterdir() if path.is_dir())
        shutil.copytree(layout, self.plain / "base")
        for architecture, machine in MACHINES.items():
            bring_uv(self.root, architecture, machine, self.plain / f"uv-{architecture}")
        server = QuickIndex(index)
        self.environment["UV_DEFAULT_INDEX"] = server.address
        rows = [
            f'["/usr/local/bin/uv", "pip", "install", "--target", "/out", "--index-url", "{server.address}",'
            f' "--python", "{PYTHON}", "--python-platform", "{machine}-manylinux_2_28", "--only-binary", ":all:",'
            f' "--link-mode", "copy", "--compile-bytecode", "-r", "/requirements.txt"]'
            for machine in MACHINES.values()
        ]
        cross = CROSS
        for machine, row in zip(MACHINES.values(), rows, strict=True):
            cross = cross.replace(f"[@{machine}-manylinux_2_28@]", row)
        for name, text in (("cross", cross), ("flyte", FLYTE)):
            filled = text.replace("@SITE@", SITE).replace("@PYTHON@", PYTHON).replace("@INDEX@", server.address)
            (self.plain / name).write_text(filled)
        return server

    def write(self, dependencies: Iterable[str] = ()) -> None:
        """Write the script with these dependencies, each time with another last line."""
        self.dependencies = tuple(dependencies) or self.dependencies
        self.edits += 1
        listed = ", ".join(f'"{each}"' for each in self.dependencies)
        base = '# [tool.onedigest]\n# base = "debian:bookworm"\n'
        block = f'# /// script\n# requires-python = "==3.11.*"\n# dependencies = [{listed}]\n{base}# ///\n'
        for folder in (self.project, self.plain):
            (folder / "bench.py").write_text(f"{block}print({self.edits})\n")
        (self.plain / "requirements.txt").write_text("\n".join(self.dependencies) + "\n")

    def onedigest(self, *arguments: str) -> None:
        done = subprocess.run(
            [BIN / "onedigest", *arguments],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def build(self, engine: str, *options: str) -> None:
        self.onedigest("build", "--engine", engine, *options, "bench.py")

    def lock_and_build(self, engine: str) -> None:
        """Do what a person does who changed the dependencies."""
        self.onedigest("generate", "bench.py")
        self.build(engine)

    def docker(self, file: str) -> None:
        output = f"type=oci,dest={self.root}/{file},tar=false"
        options = (
            "--platform",
            PLATFORMS,
            "--provenance=false",
            "--build-context",
            "base=oci-layout://base",
            "--output",
            output,
        )
        done = subprocess.run(
            ["docker", "buildx", "build", "--allow", "network.host", "-q", "-f", file, *options, "."],
            cwd=self.plain, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def forget(self, *, record: bool = True) -> None:
        """Forget everything but the lock and the base, which docker has at hand too: wheels, layers, images.

        A fresh clone has the record too.
        """
        subprocess.run(["docker", "buildx", "prune", "--all", "--force"], capture_output=True, check=True)
        shutil.rmtree(self.root / "uv", ignore_errors=True)
        shutil.rmtree(self.project / "dist", ignore_errors=True)
        files = self.root / "cache" / "onedigest" / "sha256"
        recorded = self.project / "lockfiles" / "bench" / "image.toml"
        rows = tomllib.loads(recorded.read_text())["platforms"] if recorded.exists() else []
        gone = {layer["digest"][7:] for row in rows for layer in row["layers"] if layer["encoding"] == "splice-1"}
        for wheel in (self.project / "lockfiles" / ".inputs").glob("*.whl"):
            gone.add(hashlib.sha256(wheel.read_bytes()).hexdigest())
            wheel.unlink()
        for name in gone:
            (files / name[:2] / name).unlink(missing_ok=True)
        if record:
            recorded.unlink(missing_ok=True)

    def blobs(self, layout: Path) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in (layout / "blobs" / "sha256").iterdir()}


def bring_uv(root: Path, architecture: str, machine: str, target: Path) -> None:
    """Bring uv of the version that is installed here, for an architecture."""
    folder = root / f"uv-of-{architecture}"
    version = subprocess.run([find_uv_bin(), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    options = (
        "--no-deps",
        "--only-binary",
        ":all:",
        "--platform",
        f"manylinux_2_28_{machine}",
        "--platform",
        f"manylinux2014_{machine}",
    )
    command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder), *options, f"uv=={version}"]
    subprocess.run(command, check=True, capture_output=True)
    shutil.unpack_archive(next(folder.glob("*.whl")), folder / "files", "zip")
    shutil.copy(next((folder / "files").glob("*.data/scripts/uv")), target)
    target.chmod(0o755)


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(bench: Bench) -> dict[str, dict[str, float]]:
    """Return seconds by way and case; every case is run for all ways before the next begins."""
    ways: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "onedigest embedded": (lambda: bench.lock_and_build("embedded"), lambda: bench.build("embedded")),
        "onedigest buildx": (lambda: bench.lock_and_build("buildx"), lambda: bench.build("buildx")),
        "docker, cross-building uv": (lambda: bench.docker("cross"), lambda: bench.docker("cross")),
        "docker, as Flyte does": (lambda: bench.docker("flyte"), lambda: bench.docker("flyte")),
    }
    locked: dict[str, Callable[[], None]] = {
        "onedigest embedded": lambda: bench.build("embedded", "--locked"),
        "onedigest buildx": lambda: bench.build("buildx", "--locked"),
    }
    found: dict[str, dict[str, float]] = {way: {} for way in ways}
    for way, (lock_and_build, build) in ways.items():
        bench.write(PACKAGES)
        bench.onedigest("generate", "bench.py")
        bench.build("embedded")
        cold, clone = [], []
        for _ in range(1 if "Flyte" in way else 2):
            bench.forget()
            cold.append(timed(build))
        found[way]["cold"] = found[way]["fresh clone"] = min(cold)
        if way in locked:
            for _ in range(2):
                bench.forget(record=False)
                clone.append(timed(locked[way]))
            found[way]["fresh clone"] = min(clone)
        added, edited, same = [], [], []
        for dependencies in ((*PACKAGES, ADDED), (*PACKAGES, BUMPED)):
            bench.write(dependencies)
            added.append(timed(lock_and_build))
        for _ in range(3):
            bench.write()
            edited.append(timed(build))
            same.append(timed(build))
        print(f"{way}: measured", file=sys.stderr)
        found[way] |= {"one dependency": min(added), "script edited": min(edited), "nothing changed": min(same)}
    return found


def pushed(bench: Bench, build: Callable[[], None], layout: Path) -> int:
    """Return the bytes of blobs that one small bumped dependency adds to an image."""
    bench.write((*PACKAGES, ADDED))
    build()
    before = bench.blobs(layout)
    bench.write((*PACKAGES, BUMPED))
    build()
    return sum(size for name, size in bench.blobs(layout).items() if name not in before)


def main() -> int:
    """Print the table and the ratios; exit 1 where a goal is missed."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        print("no docker daemon answers, so images are not measured (`make engines` starts one)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        server = bench.prepare()
        try:
            found = measure(bench)
            ours = pushed(bench, lambda: bench.lock_and_build("embedded"), bench.project / "dist" / "bench")
            shutil.rmtree(bench.root / "cross")
            theirs = pushed(bench, lambda: bench.docker("cross"), bench.root / "cross")
        finally:
            server.close()
    cases = ("cold", "fresh clone", "one dependency", "script edited", "nothing changed")
    print(f"\npolars, pyarrow, numpy; both platforms; {len(os.sched_getaffinity(0))} processors")
    print("cold: nothing is known but the lock; fresh clone: with the record that is checked in, --locked\n")
    print("| seconds |" + "".join(f" {case} |" for case in cases))
    print("| --- |" + " --: |" * len(cases))
    for way, times in found.items():
        print(f"| {way} |" + "".join(f" {times[case]:.2f} |" for case in cases))
    print(f"\nbytes to push after one small dependency is bumped: onedigest {ours:,}, docker {theirs:,}")
    embedded, buildx, cross = (found[way] for way in list(found)[:3])
    goals = {
        "embedded, cold, at least 5 times as fast": cross["cold"] / embedded["cold"] >= 5,
        "embedded, one dependency, at least 15 times as fast": cross["one dependency"] / embedded["one dependency"]
        >= 15,
        "embedded, script edited, faster": embedded["script edited"] < cross["script edited"],
        "embedded, nothing changed, faster": embedded["nothing changed"] < cross["nothing changed"],
        "buildx, fresh clone, no slower than cold": buildx["fresh clone"] <= cross["cold"],
    }
    print("\n" + json.dumps({goal: "reached" if reached else "MISSED" for goal, reached in goals.items()}, indent=2))
    return int(not all(goals.values()))


if __name__ == "__main__":
    sys.exit(main())
