"""Knows how wheels of the corpus come from the index that this machine uses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from corpus.listed import PYTHON, Listed
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel_metadata import file_name_identity, same_identity

_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux2010", "manylinux1", "linux")


def fetch(wheels: Iterable[Listed], folder: Path) -> dict[Listed, Path]:
    """Return where each wheel is in `folder`; those that are not there yet are downloaded.

    Raises `LookupError` with those that the index does not have.
    """
    wanted = list(wheels)
    missing = [wheel for wheel, path in _found(wanted, folder).items() if path is None]
    while missing:
        # pip takes one version of a project at a time
        together = {(wheel.python, wheel.name.lower()): wheel for wheel in reversed(missing)}
        for python in sorted({wheel.python for wheel in together.values()}):
            _download([each for each in together.values() if each.python == python], python, folder)
        missing = [wheel for wheel in missing if wheel not in together.values()]
    found = _found(wanted, folder)
    if absent := [wheel.requirement for wheel, path in found.items() if path is None]:
        raise LookupError(f"the index does not have {', '.join(absent)}")
    return {wheel: path for wheel, path in found.items() if path is not None}


def _found(wheels: list[Listed], folder: Path) -> dict[Listed, Path | None]:
    there = sorted(folder.glob("*.whl"))
    return {wheel: next((path for path in there if _is_of(path, wheel)), None) for wheel in wheels}


def _is_of(path: Path, wheel: Listed) -> bool:
    try:
        return same_identity(file_name_identity(path.name), (wheel.name, wheel.version))
    except Refused:
        return False


def _download(wheels: list[Listed], python: str, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    if python != PYTHON:
        platforms = [f"--platform={each}_x86_64" for each in _PLATFORMS]
        options += ["--python-version", python, *platforms, "--implementation", "cp"]
    command = [sys.executable, "-m", "pip", "download", *options]
    done = _run([*command, *(wheel.requirement for wheel in wheels)])
    if done.returncode and len(wheels) > 1:  # one that is gone keeps the others from coming
        for wheel in wheels:
            _run([*command, wheel.requirement])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
