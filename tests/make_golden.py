"""Writes the golden files anew (`make golden`). Read every line of what changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from conftest import Project, machine_environment
from golden import CASES, FOLDER, build_case

if __name__ == "__main__":
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "project"
            root.mkdir()
            (root / "onedigest.toml").touch()
            project = Project(root, machine_environment(Path(folder), Path(folder) / "cache"))
            for name, text in build_case(case, project, Path(folder)).items():
                target = FOLDER / case / "expected" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
        print(case)
