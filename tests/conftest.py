"""Fixtures: the command as a process, a project of its own, a package index on loopback."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from docker_daemon import docker_variables, find_docker
from index_server import IndexServer
from onedigest.oci.read import read_image
from warm_python import STRICT, run_warm

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
FORBID_SKIPS = "ONEDIGEST_FORBID_SKIPS" in os.environ
TEST_CACHE = "ONEDIGEST_TEST_CACHE"
"""Names a folder that tests may use as their cache, to keep it from one run to the next."""

# how long an example takes tells of the machine, which may have other work
settings.register_profile("whole", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("whole"), max_examples=20)
settings.load_profile("whole")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where every tool is to be there."""
    report = yield
    if FORBID_SKIPS and report.skipped and call.excinfo is not None:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is forbidden here: {call.excinfo.value}"
    return report


@dataclass
class Result:
    """What a command gave."""

    code: int
    out: str
    err: str


@dataclass
class Project:
    """A folder with scripts, and the environment that commands run in."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def script(self, name: str, *metadata: str, code: str = "print('hello')\n") -> Path:
        """Write a script whose block has these lines."""
        block = "".join(f"# {line}\n".replace("# \n", "#\n") for line in metadata)
        return self.write(name, f"# /// script\n{block}# ///\n{code}")

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run the command, with further variables."""
        found = run_warm(arguments, self.root, {**self.environment, **environment})
        result = Result(*found) if found else self.python("-m", "onedigest", *arguments, **environment)
        if "--json" in arguments:
            from make_documents import check_document  # it imports much

            check_document(arguments, result.code, result.out)
        return result

    def python(self, *arguments: str, **environment: str) -> Result:
        """Run this Python in the project, with further variables."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, **environment: str) -> Result:
        """Run the command, which must succeed."""
        result = self.run(*arguments, **environment)
        assert result.code == 0, result.err
        return result

    def read(self, name: str) -> str:
        """Return the text of a file of the project."""
        return (self.root / name).read_text(encoding="utf-8")


ALL_RULES = 'rules = ["docker", "bazel", "nix"]\n'
"""A line of onedigest.toml."""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own, which all share: Debian's packages are fetched once.

    Tests break what is in there, so the user's cache has no part in it: nothing that a test starts is told of it.
    """
    given = os.environ.get(TEST_CACHE)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # workers do not break each other's
    folder = Path(given) / worker if given else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield folder


@pytest.fixture(autouse=True)
def emulation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the test that switches the machine's emulation off apart from those of other workers that need it."""
    mark = request.node.get_closest_marker("emulation")
    if mark is None:
        yield
        return
    with (Path(tempfile.gettempdir()) / "onedigest-tests-emulation").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX if mark.args == ("off",) else fcntl.LOCK_SH)
        yield


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """A new project that uses the machine's own indexes and mirrors."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "onedigest.toml").write_text("")
    return Project(root, machine_environment(tmp_path, cache))


@pytest.fixture
def index(tmp_path: Path, project: Project) -> Iterator[IndexServer]:
    """An empty package index, which the project uses."""
    folder = tmp_path / "index"
    folder.mkdir()
    server = IndexServer(folder)
    project.environment["UV_DEFAULT_INDEX"] = server.address
    project.environment["UV_CACHE_DIR"] = str(tmp_path / "uv")
    yield server
    server.close()


@pytest.fixture
def docker(project: Project) -> str:
    """The docker command, whose daemon answers; the project's commands reach it too."""
    found = find_docker()
    project.environment.update(docker_variables())
    return found


@pytest.fixture(scope="session")
def arm64_root(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The arm64 root file system of an image of ours, as files."""
    if not shutil.which("qemu-aarch64-static"):
        pytest.skip("qemu-aarch64-static is not installed (Debian package qemu-user-static)")
    root = tmp_path_factory.mktemp("arm64")
    project = Project(root / "project", machine_environment(root, cache))
    project.script("tiny.py", 'requires-python = ">=3.11"', "[tool.onedigest]", 'base = "debian:bookworm"')
    project.ok("build", "tiny.py")
    unpack(root / "project" / "dist" / "tiny", "linux/arm64", root / "files")
    return root / "files"


def unpack(layout: Path, platform: str, target: Path) -> None:
    """Write the files of an image of ours, from below to above."""
    image = read_image(layout)
    target.mkdir(exist_ok=True)
    for layer in next(each for each in image.platforms if each.platform == platform).layers:
        blob = layout / "blobs" / "sha256" / layer.digest.partition(":")[2]
        command = ["tar", "--extract", "--gzip", "--preserve-permissions", "--numeric-owner"]
        subprocess.run([*command, f"--file={blob}", f"--directory={target}"], check=True)


def machine_environment(home: Path, cache: Path) -> dict[str, str]:
    """Return variables that let a command use the machine's own indexes and mirrors, and nothing else of it."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_", "ONEDIGEST_DEBIAN"))}
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {
        **kept,
        **proxies,
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache),
        "XDG_STATE_HOME": str(cache / "state"),
        "UV_CACHE_DIR": str(cache / "uv"),
        **STRICT,
    }
