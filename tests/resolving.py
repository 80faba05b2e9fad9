"""Asks uv, in this process, where the packages of a script are: what `fetch` does before it downloads anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from golden import expected_files
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.lock import text as lock_text
from onedigest.lock.resolver import locate
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.sources import Sources
from onedigest.store import Store
from onedigest.tools.uv_rows import WheelAddress
from wheel_builder import build_wheel

BACKEND = """\
import os, pathlib
pathlib.Path({ran!r}).write_text("ran")
def prepare_metadata_for_build_wheel(folder, settings=None):
    os.makedirs(folder + "/evil-0.1.dist-info", exist_ok=True)
    with open(folder + "/evil-0.1.dist-info/METADATA", "w") as file:
        file.write("Metadata-Version: 2.1\\nName: evil\\nVersion: 0.1\\n")
    return "evil-0.1.dist-info"
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
def get_requires_for_build_wheel(settings=None): return []
get_requires_for_build_editable = get_requires_for_build_wheel
def build_wheel(*arguments, **named): raise SystemExit(1)
"""
EVIL = """\
[project]
name = "evil"
version = "0.1"
dynamic = ["dependencies"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class Checkout:
    """A hostile checkout: its folder, a folder of honest wheels, and a file that is there once code of it ran."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "checkout"
        self.wheels = root / "wheels"
        self.ran = root / "ran"
        self.home = root / "home"
        for each in (self.folder, self.home):
            each.mkdir()
        build_wheel(self.wheels, "alpha", "1.0")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the checkout."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def evil(self, folder: Path) -> Path:
        """Write a project whose build leaves a file."""
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(EVIL)
        (folder / "backend.py").write_text(BACKEND.format(ran=str(self.ran)))
        return folder

    def spec(self, *uv: str, dependencies: Sequence[str] = ("alpha",)) -> Spec:
        """Return what a script asks for whose [tool.uv] has these lines."""
        asked = ", ".join(f"{each!r}" for each in dependencies)
        lines = [f"dependencies = [{asked}]", *(["[tool.uv]", *uv] if uv else [])]
        block = "".join(f"# {line}\n" for line in lines)
        text = f'# /// script\n# requires-python = ">=3.11"\n{block}# ///\n'
        return specify(parse(text.encode(), "job.py"), Project(root=self.folder), "job.py")

    def locate(
        self,
        *uv: str,
        dependencies: Sequence[str] = ("alpha",),
        own: Mapping[str, str] | None = None,
        offline: bool = False,
        store: Path | None = None,
    ) -> dict[str, WheelAddress]:
        """Ask uv, with the user's own variables, where the wheels are."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "UV_HTTP_RETRIES": "0",
            **(own or {}),
        }
        sources = Sources(
            store=Store(store or self.root / "store"),
            client=Client(Connection(offline=offline)),
            access=cast(Any, None),
            archive=cast(Any, None),
            offline=offline,
            environment=environment,
        )
        lock = lock_text.loads(expected_files("minimal")["pylock.toml"], "pylock.toml")
        bare = replace(lock, packages=(), roots=())
        return locate(self.spec(*uv, dependencies=dependencies), bare, sources, folder=self.folder)

    def here(self) -> tuple[str, str]:
        """Return lines of [tool.uv] that leave nothing but the honest wheels."""
        return "no-index = true", f'find-links = ["{self.wheels}"]'
