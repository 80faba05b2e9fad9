"""Knows sets of projects of the index whose wheels bring the same paths, and what their images have to be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conftest import Project, unpack
from corpus.trees import Looked, false_rows, look
from onedigest.oci.read import read_image

_RECORD = re.compile(r"lib/python3\.\d+/site-packages/[^/]+\.dist-info/RECORD")

PLATFORM = "linux/amd64"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """What a script depends on, what it imports, and a path that several of the wheels bring."""

    name: str
    needs: tuple[str, ...]
    imports: str
    shared: str
    packages: tuple[str, ...] = ()


SETS = (
    NamedSet(
        "licences", ("pytest-datadir==1.3.1", "vose-alias-method==1.2.2"), "pytest_datadir, vose_sampler", "LICENSE"
    ),
    NamedSet("jupyter", ("jupyter==1.0.0",), "jupyter, jupyter_core, notebook", "jupyter.py"),
    NamedSet(
        "poetry", ("poetry==1.1.13",), "poetry.console, poetry.core", "poetry/__init__.py", ("python3-distutils",)
    ),
    NamedSet(
        "dbt-snowflake",
        ("dbt-core==1.11.16", "dbt-snowflake==1.12.4"),
        "dbt.cli.main, dbt.adapters.snowflake",
        "dbt/__init__.py",
    ),
    NamedSet(
        "dbt-bigquery",
        ("dbt-core==1.11.16", "dbt-bigquery==1.12.1"),
        "dbt.cli.main, dbt.adapters.bigquery",
        "dbt/__init__.py",
    ),
    NamedSet("opencv", ("opencv-python", "opencv-python-headless"), "cv2", "cv2/cv2.abi3.so"),
)
SMALL = SETS[0]
"""The one that is in every run of the tests."""

MAX_LAYERS = (9, 14, 64)
"""Values of `max-layers`, which is no reason for other files."""


def failures(project: Project, named: NamedSet, pip: Path, limits: tuple[int, ...] = MAX_LAYERS) -> Iterator[str]:
    """Build a set with each limit of layers, and yield in words what is wrong with its image."""
    first: dict[str, Looked] = {}
    for limit in limits:
        write_script(project, named, limit)
        built = project.run("build", "app.py")
        if built.code:
            yield f"max-layers {limit}: {built.err}"
            return
        if named.shared not in built.err:
            yield f"max-layers {limit}: no warning about {named.shared}: {built.err}"
        files, records = environment_files(project.root / "dist" / "app")
        for record, text in records.items():
            yield from (f"max-layers {limit}: {record}: {wrong}" for wrong in false_rows(files, record, text))
        first = first or files
        yield from (
            f"max-layers {limit}: {path} is another file than with {limits[0]}"
            for path in sorted({*first, *files})
            if first.get(path) != files.get(path)
        )
    root = project.root / "root"
    unpack(project.root / "dist" / "app", PLATFORM, root)
    with zipfile.ZipFile(pip) as archive:
        archive.extractall(root / "pip")
    for arguments in (["-c", f"import {named.imports}"], ["-m", "pip", "check"]):
        yield from run_in(root, arguments)
    shutil.rmtree(root)


def write_script(project: Project, named: NamedSet, limit: int) -> None:
    """Write the script of a set."""
    lines = (
        'requires-python = ">=3.11"',
        f"dependencies = {json.dumps(named.needs)}",
        "[tool.onedigest]",
        'base = "debian:bookworm"',
        f'platforms = ["{PLATFORM}"]',
        f"max-layers = {limit}",
        f"system-packages = {json.dumps(named.packages)}",
    )
    project.script("app.py", *lines, code=f"import {named.imports}\n")


def environment_files(layout: Path) -> tuple[dict[str, Looked], dict[str, str]]:
    """Return the files of the virtual environment as the layers have them from below to above, and its RECORDs."""
    (image,) = read_image(layout).platforms
    found, records = {}, {}
    for layer in image.layers:
        with tarfile.open(layout / "blobs" / "sha256" / layer.digest.partition(":")[2], "r:gz") as archive:
            for member in archive:
                path = member.name.removeprefix("opt/venv/")
                file = archive.extractfile(member) if path != member.name and member.isfile() else None
                if file:
                    content = file.read()
                    found[path] = look(path, member.mode, [content], "sha384", "sha512")
                    if _RECORD.fullmatch(path):
                        records[path] = content.decode()
    return found, records


def run_in(root: Path, arguments: list[str]) -> Iterator[str]:
    """Run the image's Python with the image's files as root file system; yield what fails."""
    command = ["/usr/sbin/chroot", "--userspec=65532:65532", str(root), "/opt/venv/bin/python", *arguments]
    environment = {"PATH": "/opt/venv/bin:/usr/bin", "PYTHONPATH": "/pip", "HOME": "/tmp"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{arguments}: {done.stdout}{done.stderr}"
