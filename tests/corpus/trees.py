"""Knows the files that a wheel gives, as this project, uv and pip have them, in a form in which they can be compared.

What differs by design is left out or made alike here, and nowhere else:

- RECORD, INSTALLER, REQUESTED and direct_url.json are each installer's own;
- compiled files of `__pycache__` are left out of images, and a wheel that has some loses them;
- a launcher has each installer's own text, which names the same function;
- the first line of a script that begins with `#!python` is that of the environment.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from onedigest.assembler import VENV
from onedigest.assembler.entry import Entry

Tree = dict[str, str]
"""What is at each path below the environment: its digest or function, and whether it can be executed."""

_OWN = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", "RECORD.jws", "RECORD.p7s"}
_LAUNCHER_BYTES = 1000
_STARTED = re.compile(rb"^from ([\w.]+) import (\w+)", re.MULTILINE)
_ENVIRONMENT = re.compile(rb"#!/\S*/bin/python[0-9.]*\n")


def tree_of_ours(entries: Iterable[Entry]) -> Tree:
    """Return the files of a layer of wheels."""
    files = [(entry.path.removeprefix(f"{VENV}/"), content_of(entry), entry.mode) for entry in entries]
    return _tree({path: (content, bool(mode & 0o111)) for path, content, mode in files})


def content_of(entry: Entry) -> bytes:
    """Return the content of an entry, whole."""
    if isinstance(entry.content, bytes):
        return entry.content
    return b"".join(entry.content.pieces())


class Installer:
    """uv or pip, which installs wheels into a virtual environment."""

    def __init__(self, name: str, command: list[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._variables = variables

    def install(self, wheels: list[Path], python: str, folder: Path) -> Tree:
        """Install wheels into a new environment of the interpreter `python`, `folder`, and return their files.

        Raises `ValueError` with what the installer says.
        """
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
        before = _walk(folder)
        executable = str(folder / "bin" / "python")
        command = [part.replace("{python}", executable) for part in self._command]
        done = subprocess.run(
            [*command, *map(str, wheels)], env=self._variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ValueError(f"{self.name}: {(done.stderr or done.stdout).strip()}")
        found = _walk(folder)
        tree = _tree({path: _read(folder / path) for path in sorted(found - before)})
        shutil.rmtree(folder)
        return tree


def uv_installer(variables: Mapping[str, str], cache: Path) -> Installer:
    """Return uv, with a cache of its own."""
    uv = shutil.which("uv", path=variables["PATH"])
    assert uv, "uv is installed with this project"
    options = ["--quiet", "--no-deps", "--offline", "--no-config", "--link-mode", "copy", "--cache-dir", str(cache)]
    return Installer("uv", [uv, "pip", "install", *options, "--python", "{python}"], variables)


def pip_installer(variables: Mapping[str, str], wheel: Path, folder: Path) -> Installer:
    """Return the pip of a wheel, which is unpacked into `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    # as any Python runs it: it need not be in the environment
    options = ["--no-deps", "--no-index", "--no-compile", "--no-warn-script-location", "--ignore-requires-python"]
    command = ["{python}", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-warn-conflicts", *options]
    return Installer("pip", command, {**variables, "PYTHONPATH": str(folder), "PIP_CONFIG_FILE": "/dev/null"})


def false_rows(files: Mapping[str, bytes], record: str) -> list[str]:
    """Return rows of the RECORD at the path `record` that are not true, and files of `files` that it does not list."""
    site = record.rpartition("/")[0].rpartition("/")[0]
    listed = {}
    wrong = []
    for path, digest, size in csv.reader(files[record].decode().splitlines()):
        there = _joined(site, path)
        listed[there] = digest
        if there == record:
            continue
        content = files.get(there)
        if content is None:
            wrong.append(f"{path} is not there")
        elif (digest, size) != (_recorded(digest, content), str(len(content))):
            wrong.append(f"{path} has another content")
    return wrong


def _recorded(digest: str, content: bytes) -> str:
    algorithm = digest.partition("=")[0]
    raw = hashlib.new(algorithm, content).digest() if algorithm in ("sha256", "sha384", "sha512") else b""
    return f"{algorithm}={base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _joined(site: str, path: str) -> str:
    parts = site.split("/")
    while path.startswith("../"):
        parts.pop()
        path = path.removeprefix("../")
    return "/".join([*parts, path])


def _walk(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def _read(path: Path) -> tuple[bytes, bool]:
    return path.read_bytes(), bool(path.stat().st_mode & 0o100)


def _tree(files: Mapping[str, tuple[bytes, bool]]) -> Tree:
    tree = {}
    for path, (content, is_executable) in files.items():
        folder, _, name = path.rpartition("/")
        if "__pycache__" in folder.split("/") or (folder.endswith(".dist-info") and name in _OWN):
            continue
        tree[path] = f"{_described(content, folder == 'bin')}{' (executable)' if is_executable else ''}"
    return tree


def _described(content: bytes, is_started: bool) -> str:
    if is_started and (line := _ENVIRONMENT.match(content)):
        functions = _STARTED.findall(content)
        if len(functions) == 1 and b"sys.exit(" in content and len(content) <= _LAUNCHER_BYTES:
            module, function = functions[0]
            return f"launcher of {module.decode()}:{function.decode()}"
        content = b"#!python\n" + content[line.end() :]
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"
