"""Makes what a pull request can: locks with any value in them, whose checksums and digests are consistent."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from conftest import Project
from golden import FOLDER, expected_files, script_of
from onedigest.header import add_header
from onedigest.lock.toml import key, value

Document = dict[str, Any]


def document(case: str, name: str = "pylock.toml") -> Document:
    """Return a golden lock or record as a document."""
    return tomllib.loads(expected_files(case)[name])


def written(changed: Document, case: str) -> str:
    """Return the text of a document, with the header of a lock of a case."""
    own = changed.get("tool", {}).get("onedigest", {}) if isinstance(changed.get("tool"), dict) else {}
    top = {name: each for name, each in changed.items() if name != "tool" or not own}
    text = "".join(f"{key(name)} = {value(each)}\n" for name, each in top.items())
    if own:
        text += "[tool.onedigest]\n" + "".join(f"{key(name)} = {value(each)}\n" for name, each in own.items())
    return add_header(f"{case}.py", text)


def check_in(project: Project, case: str, lock: str) -> Path:
    """Write a case's script, its files and a lock into a project, as a checkout has them; return the lock folder."""
    project.write(f"{case}.py", script_of(case))
    for path in sorted((FOLDER / case).glob("data/*")):
        project.write(f"data/{path.name}", path.read_bytes())
    return project.write(f"lockfiles/{case}/pylock.toml", lock).parent.parent
