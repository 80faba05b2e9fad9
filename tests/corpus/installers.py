"""Knows how uv and pip install wheels."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from corpus.trees import Tree, look_at_folder


class Installer:
    """uv or pip, by its command; `{python}` in that stands for the Python of an environment."""

    def __init__(self, name: str, command: list[str], variables: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._variables = variables

    def install(self, wheels: list[Path], python: str, folder: Path) -> Tree:
        """Install wheels into a new environment of the interpreter `python`, and return their files.

        Raises `ValueError` with what the installer says.
        """
        subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
        before = _files(folder)
        command = [part.replace("{python}", str(folder / "bin" / "python")) for part in self._command]
        done = subprocess.run(
            [*command, *map(str, wheels)], env=self._variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ValueError((done.stderr or done.stdout).strip())
        return look_at_folder(folder, _files(folder) - before - {_UV_LOCK})


_UV_LOCK = ".lock"
"""What uv leaves in an environment."""


def uv_installer(variables: Mapping[str, str]) -> Installer:
    """Return uv, which keeps nothing of wheels."""
    uv = [sys.executable, "-m", "uv", "pip", "install"]
    options = ["--quiet", "--no-deps", "--offline", "--no-config", "--link-mode", "hardlink", "--no-cache"]
    return Installer("uv", [*uv, *options, "--python", "{python}"], variables)


def pip_installer(variables: Mapping[str, str], wheel: Path, folder: Path) -> Installer:
    """Return the pip of a wheel, which is unpacked into `folder`, and run from outside of the environment."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--no-cache-dir", "--ignore-installed"]
    command = ["{python}", "-m", "pip", "install", *options, "--no-warn-conflicts", "--no-warn-script-location"]
    kept = {name: value for name, value in variables.items() if not name.startswith("PIP_")}
    return Installer("pip", command, {**kept, "PYTHONPATH": str(folder), "PIP_CONFIG_FILE": "/dev/null"})


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
