"""Finds the interpreters of this machine: those that the assembler must run on, and all that read zip files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

OLDEST = (3, 11)


@cache
def interpreters() -> tuple[str, ...]:
    """Return one interpreter for each minor version from 3.11 on, this one among them."""
    return _since(OLDEST)


@cache
def every_interpreter() -> tuple[str, ...]:
    """Return one interpreter for each minor version from 3.8 on, this one among them."""
    return _since((3, 8))


@cache
def interpreters_by_version() -> dict[str, str]:
    """Return the same by their versions, such as "3.11"."""
    found = {_version(path): path for path in every_interpreter()}
    return {f"{version[0]}.{version[1]}": path for version, path in found.items() if version}


def _since(oldest: tuple[int, int]) -> tuple[str, ...]:
    found: dict[tuple[int, int], str] = {}
    candidates = [sys.executable, *_on_path(), *_of_version_managers()]
    for candidate in candidates:
        version = _version(candidate)
        if version and version >= oldest:
            found.setdefault(version, candidate)
    return tuple(found[version] for version in sorted(found))


def _on_path() -> list[str]:
    return [path for minor in range(8, 20) if (path := shutil.which(f"python3.{minor}"))]


def _of_version_managers() -> list[str]:
    folders = (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python")
    return [str(path) for folder in folders if folder.is_dir() for path in sorted(folder.glob("*3.*/bin/python3"))]


def _version(path: str) -> tuple[int, int] | None:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    match = re.fullmatch(r"Python (\d+)\.(\d+)\.\S+\n", done.stdout)
    return (int(match[1]), int(match[2])) if match and done.returncode == 0 else None
