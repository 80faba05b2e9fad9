"""Varies everything that must not matter: two builds of one script are the same bytes (jitter)."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import ROOT, Project
from golden import make_index
from index_server import IndexServer
from onedigest import zipapp
from onedigest.assembler import stream
from onedigest.assembler.layer import wheels_layer
from onedigest.digest import of_bytes
from onedigest.oci import libdeflate
from pythons import interpreters

METADATA = (
    'requires-python = ">=3.11"',
    'dependencies = ["alpha", "native"]',
    "[tool.onedigest]",
    'base = "debian:bookworm"',
    'platforms = ["linux/amd64"]',
    'files = ["data"]',
)
"""For one platform: digests of both are recorded with the examples, and rebuilt in test_examples.py."""

Vary = Callable[[Project], dict[str, str]]


def nothing(_: Project) -> dict[str, str]:
    return {}


def given(**found: str) -> Vary:
    return lambda _: found


def file_times(project: Project) -> dict[str, str]:
    for number, path in enumerate(sorted(project.root.rglob("*"))):
        os.utime(path, (10**9 + number, 10**9 + number))
    return {}


def order_of_files(project: Project) -> dict[str, str]:
    """Make the files anew in another order, which is that of the folder on many file systems."""
    folder = project.root / "data"
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    folder.mkdir()
    names = sorted(contents)
    random.Random(7).shuffle(names)
    for name in names:
        (folder / name).write_bytes(contents[name])
    return {}


def other_home(project: Project) -> dict[str, str]:
    home = project.root.parent / "home"
    home.mkdir()
    return {"HOME": str(home)}


def modes(project: Project) -> dict[str, str]:
    for path in (project.root / "data").iterdir():
        path.chmod(0o600)
    return {}


VARIATIONS: dict[str, Vary] = {
    "nothing": nothing,
    "hash seed, time zone, locale": given(
        PYTHONHASHSEED="1", TZ="Pacific/Kiritimati", LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8"
    ),
    "another hash seed, C locale, SOURCE_DATE_EPOCH": given(
        PYTHONHASHSEED="2", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", SOURCE_DATE_EPOCH="1234567890"
    ),
    "optimised, no compiled files": given(PYTHONOPTIMIZE="2", PYTHONDONTWRITEBYTECODE="1"),
    "file times": file_times,
    "order of files": order_of_files,
    "modes without execute bits": modes,
    "home": other_home,
}


def write_project(project: Project) -> None:
    project.script("app.py", *METADATA)
    for number in range(20):
        project.write(f"data/{number * 7 % 20}.txt", f"{number}\n" * 300)


@pytest.fixture(scope="module")
def golden_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_index(tmp_path_factory.mktemp("index") / "wheels")


def build(
    project: Project,
    seed: Path,
    wheels: Path,
    *,
    wrap: tuple[str, ...] = (),
    command: tuple[str, ...] = ("-m", "onedigest", "build", "app.py"),
    variables: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Lock and build with a layer cache of its own; return the bytes that must not vary."""
    server = IndexServer(wheels)
    own = project.root.parent / "own-cache"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(seed, own / "onedigest", copy_function=os.link)
    try:
        done = subprocess.run(
            [*wrap, sys.executable, *command],
            cwd=project.root,
            env={
                **project.environment,
                "XDG_CACHE_HOME": str(own),
                "UV_CACHE_DIR": str(project.root.parent / "uv"),
                "UV_DEFAULT_INDEX": server.address,
                **(variables or {}),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.close()
    assert done.returncode == 0, done.stderr
    return done.stdout, project.read("lockfiles/app/pylock.toml"), project.read("lockfiles/app/image.toml")


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """What each build has in its cache: downloads, and what is made of Debian's packages alone.

    All else is made by each: layers of wheels and of the script, and their bytecode.
    """
    folder = tmp_path_factory.mktemp("seed")
    if (cache / "onedigest" / "sha256").is_dir():
        shutil.copytree(cache / "onedigest" / "sha256", folder / "sha256", copy_function=os.link)
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, cache: Path, seed: Path, golden_index: Path) -> tuple[str, ...]:
    from conftest import machine_environment

    root = tmp_path_factory.mktemp("first") / "project"
    root.mkdir()
    (root / "onedigest.toml").touch()
    project = Project(root, machine_environment(root.parent, cache))
    write_project(project)
    result = build(project, seed, golden_index)
    own = root.parent / "own-cache" / "onedigest"
    for name in ("sha256", "pythons", "python-of"):
        if (own / name).is_dir():
            shutil.copytree(own / name, seed / name, copy_function=_link, dirs_exist_ok=True)
    digests = re.findall(r'holds = "bytecode of debian:bookworm", size = \d+, digest = "(sha256:\w+)"', result[2])
    assert len(digests) == 1
    (seed / "layers").mkdir()
    for note in (own / "layers").iterdir():
        if digests[0] in note.read_text(encoding="utf-8"):
            os.link(note, seed / "layers" / note.name)
    return result


def _link(source: str, target: str) -> None:
    if not Path(target).exists():
        os.link(source, target)


@pytest.mark.network
@pytest.mark.parametrize("variation", VARIATIONS)
def test_variation_moves_no_byte(
    variation: str, project: Project, seed: Path, golden_index: Path, expected: tuple[str, ...]
) -> None:
    write_project(project)
    environment = VARIATIONS[variation](project)

    assert build(project, seed, golden_index, variables=environment) == expected


@pytest.mark.network
@pytest.mark.parametrize("python", interpreters())
def test_python_that_uv_finds_moves_no_byte(
    python: str, project: Project, seed: Path, golden_index: Path, expected: tuple[str, ...]
) -> None:
    """uv is told to use the Python that onedigest runs with; here it is told another."""
    write_project(project)
    project.write("sitecustomize.py", f"import sys\nsys.executable = {python!r}\n")

    assert build(project, seed, golden_index, variables={"PYTHONPATH": str(project.root)}) == expected


@pytest.mark.network
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_umask_moves_no_byte(
    mask: int, project: Project, seed: Path, golden_index: Path, expected: tuple[str, ...]
) -> None:
    before = os.umask(mask)
    try:
        write_project(project)
        found = build(project, seed, golden_index)
        written = {path.stat().st_mode & 0o777 for path in (project.root / "lockfiles" / "app").iterdir()}
    finally:
        os.umask(before)

    assert found == expected
    assert written == {0o666 & ~mask}


@pytest.mark.network
def test_clock_moves_no_byte(project: Project, seed: Path, golden_index: Path, expected: tuple[str, ...]) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed (Debian package faketime)")
    write_project(project)

    assert build(project, seed, golden_index, wrap=(faketime, "-f", "+30h")) == expected
    # years later Debian's release files have expired, and a lock needs none
    assert build(project, seed, golden_index, wrap=(faketime, "2031-05-06 07:08:09")) == expected


@pytest.mark.network
@pytest.mark.parametrize("count", [1, 8])
def test_number_of_workers_moves_no_byte(
    count: int,
    project: Project,
    seed: Path,
    golden_index: Path,
    expected: tuple[str, ...],
) -> None:
    """The command uses one process for each processor, so a program in its place asks for another number."""
    write_project(project)
    project.write(
        "run.py",
        f"import sys\nfrom onedigest.cli import run\nfrom onedigest.workspace.context import Context\n"
        f"Context.workers = {count}\nsys.exit(run(['build', 'app.py']))\n",
    )
    assert build(project, seed, golden_index, command=("run.py",)) == expected


@pytest.mark.network
def test_working_directory_and_place_of_the_project_move_no_byte(
    project: Project, seed: Path, golden_index: Path, expected: tuple[str, ...], tmp_path: Path
) -> None:
    elsewhere = Project(tmp_path / "with a space, ümläut" / "project", project.environment)
    elsewhere.root.mkdir(parents=True)
    (elsewhere.root / "onedigest.toml").touch()
    write_project(elsewhere)

    assert build(elsewhere, seed, golden_index) == expected


def test_order_of_wheels_moves_no_byte(golden_index: Path) -> None:
    wheels = [path for path in sorted(golden_index.iterdir()) if path.name.startswith(("alpha-1", "beta-1.5", "delta"))]
    first = stream.write(wheels_layer(wheels, "3.11"))

    assert stream.write(wheels_layer(reversed(wheels), "3.11")) == first


def test_size_of_pieces_moves_no_byte_of_the_encoder() -> None:
    text = bytes(range(256)) * 9000
    whole = b"".join(libdeflate.encode([text]))

    for step in (1000, 65537, 1 << 20):
        assert b"".join(libdeflate.encode(text[at : at + step] for at in range(0, len(text), step))) == whole


@pytest.mark.parametrize("python", interpreters())
def test_zipapp_is_packed_the_same_by_every_python(python: str) -> None:
    code = "import sys; sys.path.insert(0, 'generator'); from onedigest import zipapp; from onedigest.digest import of_bytes; print(of_bytes(zipapp.pack()))"
    done = subprocess.run([python, "-I", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == of_bytes(zipapp.pack())
