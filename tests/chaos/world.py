"""Knows a small project with everything it needs on loopback, and whether harm left anything wrong in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

from base_images import LAYER, MACHINES, RUNNING, Made, put_image, python_files
from conftest import Result, machine_environment
from golden import make_index
from index_server import IndexServer
from registry_server import serve_registry
from wheel_builder import build_wheel

PATIENCE = 180
"""Seconds after which a command counts as hanging."""

TEMPORARY = ".onedigest-"
"""How names begin that files and folders have before they are complete."""

COMMANDS = ("generate", "fetch", "build")

COMPILER = "canonical_marshal"
"""What the command line of an interpreter that compiles has."""

BLOCK = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["alpha", "native", "bulk"]
#
# [tool.onedigest]
# base = "BASE"
# platforms = ["linux/amd64", "linux/arm64"]
# files = ["data/*"]
# ///
print("hello")
"""


@dataclass
class World:
    """A project whose script was locked, fetched and built once without any harm; that is what it must come to."""

    root: Path
    environment: dict[str, str]
    sources: Mapping[str, bytes]
    host: str = ""
    """The registry."""
    digest: str = ""
    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    within: Callable[[Path], tuple[str, ...]] = lambda _: ()
    """The command that runs another in a folder, where the world is in a place of its own."""
    seen: Callable[[Path], Path] = lambda path: path
    """Where a path of that place is seen from outside."""
    python: str = sys.executable
    """The Python that runs commands, whose path tells what it starts from what others start."""

    @property
    def project(self) -> Path:
        """The folder of the project, as it is seen from outside."""
        return self.seen(self.root) / "project"

    @property
    def store(self) -> Path:
        """The folder of the store, as it is seen from outside."""
        return self.seen(Path(self.environment["XDG_CACHE_HOME"])) / "onedigest"

    def write(self) -> None:
        """Write the sources."""
        for name, data in self.sources.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.seen(Path(self.environment["TMPDIR"])).mkdir(parents=True, exist_ok=True)

    def settle(self) -> None:
        """Lock, fetch and build without harm; remember what came of it, and how long each took."""
        for command in (("generate", "job.py"), ("fetch", "job"), ("build", "job")):
            start = time.monotonic()
            result = self.run(*command)
            assert result.code == 0, result.err
            self.seconds[command[0]] = time.monotonic() - start
        self.seconds["push"] = self.seconds["build"] + 0.5
        self.digest = result.out.strip()
        self.files = tree(self.project)

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run the command to its end."""
        with self.start(*arguments, **environment) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                return Result(-1, out, f"{err}\nhung for {PATIENCE} s")
        return Result(process.returncode, out, err)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command as the leader of a session of its own."""
        return subprocess.Popen(
            [*self.within(self.root / "project"), self.python, "-m", "onedigest", *arguments],
            cwd=self.project,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def forget(self, *names: str) -> None:
        """Remove files and folders of the project, or of the store where they begin with `store/`."""
        for name in names:
            path = self.store / name[6:] if name.startswith("store/") else self.project / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def recover(self, *first: str, upto: str = "build") -> list[str]:
        """Run what was disturbed again, and what comes after it up to some command; return what is lost."""
        made = COMMANDS[: COMMANDS.index(upto) + 1]
        later = made[made.index(first[0]) + ("--push" not in first) :]
        for command in [first, *((name, "job") for name in later)]:
            result = self.run(*command)
            if result.code:
                return [f"the next `{' '.join(command)}` ended with {result.code}: {result.err[-400:]}"]
        if upto == "build" and result.out.strip() != self.digest:
            return [f"the next build gave {result.out.strip()}, not {self.digest}"]
        found = tree(self.project)
        wanted = {name: digest for name, digest in self.files.items() if _maker(name) in made}
        return [
            *[f"{name} is missing afterwards" for name in wanted if name not in found][:3],
            *[f"{name} is another afterwards" for name in wanted if found.get(name, wanted[name]) != wanted[name]][:3],
            *self.unsound(),
            *self.leftovers(),
        ]

    def lies(self) -> list[str]:
        """Return what stands under a final name and is not what the name promises, in this moment."""
        found = tree(self.project, skip_temporary=True)
        half = sorted(name for name, digest in found.items() if self.files.get(name, digest) != digest)
        return [*(f"{name} is not whole" for name in half[:3]), *self.unsound()]

    def unsound(self) -> list[str]:
        """Return the files of the store whose content is not what their name says."""
        stored = sorted(self.store.glob("sha256/*/*"))
        return [f"{path.name[:12]} in the store has other content" for path in stored if _sha256(path) != path.name]

    def leftovers(self) -> list[str]:
        """Return what a killed or failed run left, once another has been: scratch, half files, processes."""
        temporary = self.seen(Path(self.environment["TMPDIR"]))
        left = [
            *(self.store / "scratch").glob("*"),
            *(path for path in self.project.rglob(".*") if path.name.startswith(TEMPORARY)),
            *(path for path in self.store.rglob(".*") if path.name.startswith(TEMPORARY)),
            *temporary.iterdir(),
        ]
        for path in left:  # to be counted once
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return [
            *(f"{path.parent.name}/{path.name} is left" for path in left),
            *(f"still runs: {line}" for line in self.running()),
        ]

    def running(self, patience: float = 5) -> list[str]:
        """Return the command lines of what still runs with this project's store, or compiles for it, after a while."""
        deadline = time.monotonic() + patience
        while (found := self._processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def compiles(self) -> bool:
        """Tell whether an interpreter is compiling in this moment. Its environment says nothing of the world."""
        return any(COMPILER in line for line in self._processes())

    def _processes(self) -> list[str]:
        return _processes_with(self.environment["XDG_CACHE_HOME"], self.python if self.python != sys.executable else "")


def _maker(name: str) -> str:
    """Return the command that makes a file."""
    if name.startswith("lockfiles/.inputs/"):
        return "fetch"
    return "build" if name.startswith("dist/") or name.endswith("/image.toml") else "generate"


def tree(project: Path, *, skip_temporary: bool = False) -> dict[str, str]:
    """Return the digest of each file below lockfiles/ and dist/."""
    return {
        str(path.relative_to(project)): _sha256(path)
        for folder in ("lockfiles", "dist")
        for path in sorted((project / folder).rglob("*"))
        if path.is_file() and not (skip_temporary and any(part.startswith(TEMPORARY) for part in path.parts))
    }


def sources(base: str) -> dict[str, bytes]:
    """Return the files of the project that an author writes."""
    data = {f"data/{name}.bin": hashlib.shake_256(name.encode()).digest(300_000) for name in "xyz"}
    return {"onedigest.toml": b"", "job.py": BLOCK.replace("BASE", base).encode(), **data}


def own_environment(root: Path) -> dict[str, str]:
    """Return variables under which a command has a store, a home and a temporary folder below a root."""
    return {
        **machine_environment(root / "home", root / "cache"),
        "TMPDIR": str(root / "tmp"),
        "UV_CACHE_DIR": str(root / "uv"),
        "UV_HTTP_TIMEOUT": "5",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextmanager
def small_world(root: Path) -> Iterator[World]:
    """Give a world whose base is a small image of a registry; all of it is on loopback."""
    (root / "home").mkdir(parents=True)
    bulk = {f"opt/{name}": hashlib.shake_256(name.encode()).digest(400_000) for name in "abc"}
    made = {
        platform: Made([python_files(platform, RUNNING), {"opt": None, **bulk}], media_type=f"{LAYER}+gzip")
        for platform in MACHINES
    }
    with serve_registry(root / "registry") as served, serve_wheels(root / "wheels") as index:
        put_image(served.host, "hub/library/python", "3.12-slim", made)
        environment = own_environment(root) | {
            "UV_DEFAULT_INDEX": index.address,
            "ONEDIGEST_REGISTRY_MIRRORS": f"docker.io={served.host}/hub",
        }
        base = sources("docker.io/library/python:3.12-slim")
        world = World(root, environment, base, served.host, python=own_python(root / "python"))
        world.write()
        world.settle()
        yield world


@contextmanager
def serve_wheels(folder: Path) -> Iterator[IndexServer]:
    """Serve the wheels of the golden cases, and one of many files."""
    make_index(folder)
    files = {f"bulk/m{number:03}.py": _module(number) for number in range(300)}
    build_wheel(folder, "bulk", "1.0", files=files, deflate=False)
    server = IndexServer(folder)
    try:
        yield server
    finally:
        server.close()


def _module(number: int) -> bytes:
    """Return a module that takes some milliseconds to compile, and packs badly."""
    text = hashlib.shake_256(b"%d" % number).hexdigest(2_000)
    return "".join(f"X{text[at : at + 20]} = {at}\n" for at in range(0, len(text), 20)).encode()


def _sha256(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):  # gone since it was listed, with the run that made it
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return path.name


def _processes_with(variable: str, program: str) -> list[str]:
    """Return the command lines of processes that have a text in their environment, or are of a program."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_text()
            same = line.startswith(f"{program}\0") or variable.encode() in (path / "environ").read_bytes()
            if same and path.name != str(os.getpid()):
                found.append(line.replace("\0", " "))
    return found


def own_python(root: Path) -> str:
    """Make a Python with a path of its own, which has what the running one has; return its path."""
    (root / "bin").mkdir(parents=True)
    python = root / "bin" / "python"
    base = Path(sys.executable).resolve()
    python.symlink_to(base)
    (root / "bin" / "uv").symlink_to(find_uv_bin())
    (root / "lib").symlink_to(Path(sys.prefix) / "lib")
    (root / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    return str(python)
