"""Shows that bytecode is the same bytes (`make bench`): over seeds, orders, processes, hosts' Pythons, interpreters, arm64."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from onedigest.bytecode.choose import installed
from onedigest.bytecode.compiler import Compiler, NotCompiled
from onedigest.bytecode.interpreter import Interpreter
from pythons import interpreters

HERE = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("requests", "pandas", "pyarrow", "scikit-learn")
SOURCES = 500
"""How many files each interpreter compiles by itself."""

RUN = """\
import os, runpy, sys
sys.executable, processes, *arguments = sys.argv[1:]
os.sched_getaffinity = lambda _: set(range(int(processes)))
sys.argv = ["onedigest", *arguments]
runpy.run_module("onedigest", run_name="__main__", alter_sys=True)
"""
"""Runs onedigest as on a machine of so many processors, with a Python that is started so."""


class Project:
    """One script, whose layers of bytecode are made again and again."""

    def __init__(self, root: Path, python: str, base: str) -> None:
        self.root = root
        self.python = python
        self.environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_STATE_HOME": str(root / "cache"),
            "UV_CACHE_DIR": str(root / "uv"),
            "PYTHONPATH": str(HERE / "generator"),
        }
        root.mkdir()
        listed = ", ".join(f'"{each}"' for each in PACKAGES)
        settings = f'# [tool.onedigest]\n# base = "{base}"\n'
        block = f'# /// script\n# requires-python = "=={python}.*"\n# dependencies = [{listed}]\n{settings}# ///\n'
        (root / "bench.py").write_text(f"{block}print()\n")
        (root / "onedigest.toml").write_text("bytecode = false\n")
        self.run(sys.executable, "build", "bench.py")
        self.before = self.blobs()
        (root / "onedigest.toml").write_text("")
        self.run(sys.executable, "generate", "bench.py")

    def run(self, python: str, *arguments: str, processes: int = 2, **variables: str) -> str:
        """Run onedigest with a Python, which must succeed; return what it says."""
        command = [python, "-c", RUN, python, str(processes), *arguments]
        done = subprocess.run(
            command, cwd=self.root, env={**self.environment, **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{python}: {done.stderr[-3000:]}"
        return done.stderr

    def blobs(self) -> set[Path]:
        return set((self.root / "cache" / "onedigest" / "sha256").glob("*/*"))

    def forget(self) -> None:
        """Forget all bytecode, and the image."""
        for path in self.blobs() - self.before:
            path.unlink()
        (self.root / "lockfiles" / "bench" / "image.toml").unlink(missing_ok=True)
        shutil.rmtree(self.root / "dist", ignore_errors=True)

    def bytecode(self, python: str, **how: str | int) -> tuple[str, str, str]:
        """Make all bytecode; return by which interpreter, how many layers, and the digest of their digests."""
        self.forget()
        said = self.run(python, "build", "-v", "bench.py", **how)  # type: ignore[arg-type]  # processes is a number
        rows = tomllib.loads((self.root / "lockfiles" / "bench" / "image.toml").read_text())["platforms"]
        digests = [each["digest"] for row in rows for each in row["layers"] if each["holds"].startswith("bytecode of ")]
        found = re.search(r"bytecode is compiled by (.*)", said)
        return found[1] if found else "", f"{len(set(digests))} layers", _short("\n".join(digests).encode())


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def hosts(folder: Path) -> dict[str, str]:
    """Return each other Python of this machine, and that of the root of newer Debian in .engines, by its loader."""
    found: dict[str, str] = {}
    for path in interpreters():
        version = subprocess.run([path, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        if path != sys.executable:
            found.setdefault(version.rpartition(".")[0], path)
    root = (HERE / ".engines" / "root").resolve()
    for program in root.glob("usr/bin/python3.[0-9][0-9]"):
        loader, libraries = (
            next(root.glob("lib64/ld-linux-*")),
            root / "usr" / "lib" / f"{os.uname().machine}-linux-gnu",
        )
        started = folder / program.name
        command = f"exec {loader} --library-path {libraries} {program}"
        started.write_text(f'#!/bin/sh\nPYTHONHOME={root / "usr"} {command} "$@"\n')
        started.chmod(0o755)
        found.setdefault(program.name.removeprefix("python"), str(started))
    return found


def dependencies(minor: str, folder: Path) -> str:
    """Install what onedigest needs for a Python; return the folder."""
    target = folder / f"for-{minor}"
    asked = map(Requirement, tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["dependencies"])
    names = [str(each) for each in asked if not each.marker or each.marker.evaluate({"python_version": minor})]
    names = [each.partition(";")[0] for each in names]  # by which pip would ask for what this Python needs
    options = ("--only-binary", ":all:", "--python-version", minor, "--target", str(target))
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *options, *names], check=True, capture_output=True)
    return str(target)


def sources_of(project: Project, folder: Path) -> list[tuple[str, bytes]]:
    """Return sources of the wheels, as many as `SOURCES`, spread over all of them."""
    for wheel in (project.root / "lockfiles" / ".inputs").glob("*.whl"):
        if "aarch64" not in wheel.name:
            shutil.unpack_archive(wheel, folder, "zip")
    paths = sorted(folder.rglob("*.py"))
    step = max(1, len(paths) // SOURCES)
    return [(f"/opt/venv/{path.relative_to(folder)}", path.read_bytes()) for path in paths[::step]]


def compile_all(interpreter: Interpreter, sources: Iterable[tuple[str, bytes]]) -> str:
    """Return the digest of what an interpreter makes of sources, in whatever order they come."""
    made = {}
    with Compiler(interpreter) as compiler:
        for path, source in sources:
            try:
                made[path] = compiler.compile(path, source)
            except NotCompiled as error:
                made[path] = error.reason.encode()
    return _short(b"".join(path.encode() + made[path] for path in sorted(made)))


def unpack(project: Project, platform: str, target: Path) -> Path:
    """Write the files of the image of a platform, from below to above."""
    target.mkdir()
    index = tomllib.loads((project.root / "lockfiles" / "bench" / "image.toml").read_text())
    for layer in next(each for each in index["platforms"] if each["platform"] == platform)["layers"]:
        if layer["holds"].startswith(("debian:", "bytecode of debian:")):
            blob = project.root / "dist" / "bench" / "blobs" / "sha256" / layer["digest"][7:]
            options = ["--no-same-owner", f"--directory={target}"]
            subprocess.run(["tar", "-xzf", str(blob), *options], check=True)
    return target


def interpreters_of(project: Project, version: str, folder: Path) -> dict[str, Interpreter]:
    """Return interpreters of one version: of this machine, the base's own, and the arm64 one under emulation."""
    found: dict[str, Interpreter] = {}
    for path in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}/bin/python3")):
        found["pyenv's"] = installed(str(path), version, {}, "pyenv's")
    system = f"/usr/bin/python{project.python}"
    if (
        Path(system).exists()
        and version in subprocess.run([system, "-V"], capture_output=True, text=True, check=True).stdout.split()
    ):
        found["this machine's"] = installed(system, version, {}, "this machine's")
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
    for platform, name in machine.items():
        root = unpack(project, platform, folder / name)
        program = root / "usr" / "bin" / f"python{project.python}"
        variables = (("PYTHONHOME", str(root / "usr")), ("PYTHONDONTWRITEBYTECODE", "1"))
        if name == os.uname().machine:
            loader = next(root.glob("lib*/ld-linux-*"), None) or next(root.glob("usr/lib*/ld-linux-*"))
            folders = ":".join(str(root / each / f"{name}-linux-gnu") for each in ("usr/lib", "lib"))
            command: tuple[str, ...] = (str(loader), "--library-path", folders, str(program))
        elif shutil.which(f"qemu-{name}-static"):
            command = (f"qemu-{name}-static", "-L", str(root), str(program))
        else:
            continue
        found[f"{platform}, out of the image"] = Interpreter(
            command=command, variables=variables, version=version, origin="the image's"
        )
    return found


def with_seed(interpreter: Interpreter, seed: str) -> Interpreter:
    return replace(interpreter, variables=(*interpreter.variables, ("PYTHONHASHSEED", seed)))


def report(what: str, rows: dict[str, str]) -> bool:
    """Print digests; return whether they are all one."""
    same = len(set(rows.values())) == 1
    print(f"\n| {what} | digest |\n| --- | --- |")
    for name, digest in rows.items():
        print(f"| {name} | {digest} |", flush=True)
    print(f"\n{'one digest' if same else '**DIGESTS DIFFER**'} in {len(rows)} ways")
    return same


def measure_layers(project: Project, folder: Path) -> bool:
    """Make all layers of bytecode in many ways."""
    rows: dict[str, str] = {}
    ways: dict[str, dict[str, str | int]] = {
        "as usual": {},
        "hash seed 0": {"PYTHONHASHSEED": "0"},
        "hash seed 7": {"PYTHONHASHSEED": "7"},
        "1 process": {"processes": 1},
        "8 processes": {"processes": 8},
    }
    for name, how in ways.items():
        by, count, digest = project.bytecode(sys.executable, **how)
        rows[f"{name}: {count}, by {by}"] = digest
    for minor, python in hosts(folder).items():
        path = f"{HERE / 'generator'}{os.pathsep}{dependencies(minor, folder)}"
        by, count, digest = project.bytecode(python, PYTHONPATH=path)
        rows[f"onedigest on Python {minor}: {count}, by {by}"] = digest
    return report(f"layers for Python {project.python}", rows)


def measure_interpreters(project: Project, folder: Path) -> bool:
    """Compile the same sources by all interpreters of one version, in two orders with two seeds."""
    project.bytecode(sys.executable)
    lock = tomllib.loads((project.root / "lockfiles" / "bench" / "pylock.toml").read_text())
    version = re.search(r"\b3\.\d+\.\d+\b", str(lock["tool"]["onedigest"]["base"]))
    assert version
    sources = sources_of(project, folder / "installed")
    rows: dict[str, str] = {}
    for name, each in interpreters_of(project, version[0], folder).items():
        rows[f"{name}, seed 0"] = compile_all(with_seed(each, "0"), sources)
        rows[f"{name}, seed 7, backward"] = compile_all(with_seed(each, "7"), reversed(sources))
    return report(f"{len(sources):,} sources by CPython {version[0]}", rows)


def main() -> int:
    """Print the digests; exit 1 where they differ."""
    same = []
    with tempfile.TemporaryDirectory(prefix="onedigest-same-") as name:
        for python, base in (("3.13", "debian:trixie"), ("3.11", "debian:bookworm")):
            folder = Path(name) / python
            folder.mkdir()
            project = Project(folder / "project", python, base)
            same += [measure_layers(project, folder), measure_interpreters(project, folder)]
    return int(not all(same))


if __name__ == "__main__":
    sys.exit(main())
