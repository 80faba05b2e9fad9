"""The public names, and the package that carries them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

import onedigest
from conftest import ROOT, Project
from onedigest.cli import COMMANDS


def test_public_names_are_sorted_complete_and_there() -> None:
    assert onedigest.__all__ == sorted(onedigest.__all__)
    assert set(onedigest.__all__) == set(onedigest._PLACES)
    assert all(getattr(onedigest, name) is not None for name in onedigest.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'onedigest' has no attribute 'nothing'"):
        _ = onedigest.nothing


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_help(command: str, project: Project) -> None:
    result = project.ok(command, "--help")
    assert result.out.startswith(f"Usage: onedigest {command} ")
    assert "--json" in result.out or command == "schema", "a schema is a document already"


def test_options_in_the_readme_exist(project: Project) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--user"}
    existing = {"--version", "--help"}
    for command in COMMANDS:
        existing |= set(re.findall(r"--[a-z][a-z-]+", project.ok(command, "--help").out))

    assert documented - existing == set()


def test_what_the_readme_builds_is_recorded() -> None:
    found = tomllib.loads((ROOT / "lockfiles" / "penguins" / "image.toml").read_text(encoding="utf-8"))
    layers = {layer["digest"] for each in found["platforms"] for layer in each["layers"]}
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert f"\npenguins: {len(layers)} layers, " in text
    assert f"\n{found['index']}\n```\n" in text


@pytest.mark.network
def test_wheel_is_the_same_each_time_and_works_installed(project: Project, tmp_path: Path) -> None:
    wheels = []
    for folder in ("first", "second"):
        command = [
            find_uv_bin(),
            "build",
            "--quiet",
            "--wheel",
            "--python",
            sys.executable,
            "--out-dir",
            str(tmp_path / folder),
        ]
        subprocess.run([*command, str(ROOT)], check=True, capture_output=True, env=project.environment)
        wheels.append(next((tmp_path / folder).glob("*.whl")))
    names = zipfile.ZipFile(wheels[0]).namelist()
    installed = tmp_path / "installed"
    command = [
        find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python",
        sys.executable,
        "--target",
        str(installed),
    ]
    subprocess.run([*command, str(wheels[0])], check=True, capture_output=True, env=project.environment)
    project.script("app.py", "dependencies = []", "[tool.onedigest]", 'base = "debian:bookworm"')
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); import onedigest.cli as cli; "
        f"assert cli.__file__.startswith({str(installed)!r}), cli.__file__; sys.exit(cli.run(['build', 'app.py']))"
    )
    done = project.python("-c", code)

    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    assert {
        "onedigest/templates/gitignore.j2",
        "onedigest/debian/archive-keys.asc",
        "onedigest/py.typed",
    } <= set(names)
    assert not [name for name in names if name.startswith(("tests", "generator"))]
    assert done.code == 0, done.err
    assert project.read("lockfiles/.gitignore").endswith("/.inputs/\n")
