"""The page of supported systems says what the program takes."""

from __future__ import annotations

import re
import tomllib

from conftest import ROOT
from onedigest import platforms
from onedigest.engines import bazel, nix
from onedigest.lock.base.choice import SUITES, SYSTEMS

TEXT = (ROOT / "docs" / "reference" / "systems.md").read_text(encoding="utf-8")


def test_suites_have_their_release_and_python() -> None:
    rows = dict(re.findall(r"^\| (`debian:.*?) \| (\S+) \|$", TEXT, re.MULTILINE))

    assert rows == {f"`debian:{suite}`, {SYSTEMS[suite].capitalize()}": python for suite, python in SUITES.items()}


def test_platforms_are_those_of_the_table() -> None:
    assert re.findall(r"^\| `(linux/\w+)` \|", TEXT, re.MULTILINE) == [each.oci for each in platforms.ALL]


def test_engines_have_the_oldest_version_that_they_take() -> None:
    rows = dict(re.findall(r"^\| (Bazel|Nix) \| ([\d.]+) \|", TEXT, re.MULTILINE))

    assert rows == {"Bazel": ".".join(map(str, bazel.OLDEST)), "Nix": ".".join(map(str, nix.OLDEST))}


def test_versions_are_those_that_are_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    uv = next(each for each in project["dependencies"] if each.startswith("uv>="))
    oldest = project["requires-python"].removeprefix(">=")

    assert f"\nPython {oldest} or newer is needed" in TEXT
    assert f"| uv | {uv.removeprefix('uv>=')} or newer" in TEXT
