from __future__ import annotations

import time
from pathlib import Path

import pytest

from onedigest.lock.repository import members


def workspace(folder: Path, pattern: str) -> Path:
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "whole"\n[tool.uv.workspace]\nmembers = ["{pattern}"]\nexclude = ["**/old"]\n'
    )
    return folder


@pytest.mark.parametrize("pattern", ["packages/*", "packages/*/", "**/core", "./packages/core", "pack*/co[a-r]e"])
def test_patterns_name_members(tmp_path: Path, pattern: str) -> None:
    for name in ("core", "old"):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')

    assert members(workspace(tmp_path, pattern), tmp_path) == {
        "whole": tmp_path,
        "core": tmp_path / "packages" / "core",
    }


@pytest.mark.parametrize("pattern", ["**/" * 12 + "x", "*/" * 5000 + "x", "a\\u0000b", "**a", "../../**", "/", "["])
def test_no_pattern_keeps_a_command_busy(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path
    for _ in range(12):
        for name in "abcdef":
            (folder / name).mkdir()
        folder /= "a"
    begun = time.monotonic()

    assert members(workspace(tmp_path, pattern), tmp_path) == {"whole": tmp_path}
    assert time.monotonic() - begun < 5
