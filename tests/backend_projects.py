"""Makes source trees that bring their own backend, which does what a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_BACKEND = """\
import os
import time
import zipfile

NAME = "demo-1.0-py3-none-any.whl"
STATED = {
    "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n",
    "demo-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "demo-1.0.dist-info/RECORD": "",
}


def put(folder, files, name=NAME):
    with zipfile.ZipFile(os.path.join(folder, name), "w", zipfile.ZIP_DEFLATED) as file:
        for path, text in {**files, **STATED}.items():
            file.writestr(path, text)
    return name


def build_wheel(folder, config_settings=None, metadata_directory=None):
"""


def backend_project(folder: Path, body: str, files: Mapping[str, str] | None = None) -> Path:
    """Write a project whose backend makes wheels as a body of `build_wheel` says; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "making"\nbackend-path = ["."]\n'
    )
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (folder / "making.py").write_text(_BACKEND + lines)
    for name, text in (files or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
