"""Sources to build of: projects with a backend of their own, repositories of git, and what a build reaches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.sources import Sources
from onedigest.store import Store

BACKEND = """\
import base64, hashlib, pathlib, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, version = "{name}", "{version}"
    files = {{str(path): path.read_bytes() for path in sorted(pathlib.Path("{name}").rglob("*")) if path.is_file()}}
    info = f"{{name}}-{{version}}.dist-info"
    files[f"{{info}}/METADATA"] = f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n".encode()
    files[f"{{info}}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    rows = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append(f"{{path}},sha256={{digest}},{{len(data)}}")
    files[f"{{info}}/RECORD"] = "\\n".join([*rows, f"{{info}}/RECORD,,", ""]).encode()
    wheel = f"{{name}}-{{version}}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / wheel, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return wheel
"""
"""A backend that needs nothing but Python."""


def project_files(name: str, version: str = "1.0", **more: str) -> dict[str, str]:
    """Return the files of a project that is built without any package."""
    return {
        "pyproject.toml": f'[project]\nname = "{name}"\nversion = "{version}"\n'
        '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": BACKEND.format(name=name, version=version),
        f"{name}/__init__.py": "",
        **more,
    }


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files into a folder; return it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as somebody with no settings; return what it prints."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{f"GIT_{who}_{what}": "a@b.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    options = ("-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null")
    done = subprocess.run(
        ["git", *options, *arguments], cwd=folder, env=variables, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def repository(folder: Path, files: Mapping[str, str]) -> str:
    """Make a repository with one commit; return that commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet")
    return commit(folder, files)


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Commit files; return the commit."""
    write_files(folder, files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=.")
    return git(folder, "rev-parse", "HEAD")


def sources_in(folder: Path, *, offline: bool = False, store: str = "store", **variables: str) -> Sources:
    """Return where inputs come from, with a store in a folder, and a home where nothing is set."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "UV_HTTP_RETRIES": "0", **variables}
    return Sources(
        store=Store(folder / store),
        client=Client(Connection(offline=offline)),
        access=cast(Any, None),
        archive=cast(Any, None),
        offline=offline,
        environment=environment,
    )
