"""Scripts as people write them: what their text says of their images is what Flyte's own SDK holds of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT, machine_environment
from flyte_sdk import Sdk, share_sdk
from onedigest.cli.flyte_build import find_written
from onedigest.flyte.definition import Definition, loads
from onedigest.flyte.syntax import Found, find_images

pytestmark = pytest.mark.network

CORPUS = ROOT / "tests" / "flyte_corpus"
SCRIPTS = tuple(sorted([*CORPUS.glob("*.py"), *CORPUS.glob("*/main.py")]))
FEWEST = 60

ONLY_RUNNING: dict[str, dict[str, int]] = {}
"""Environments whose images only running a script tells, with the line that says so."""


@dataclass(frozen=True)
class Held:
    """An environment of a script: what the SDK holds of its image, None where it builds none."""

    file: Path
    name: str
    definition: Definition | None


@dataclass(frozen=True)
class Told:
    """What one SDK tells of all scripts, and the Python and the Flyte that it has."""

    environments: dict[Path, list[Held]]
    python: str
    flyte: str


def ask(sdk: Sdk, folder: Path, home: Path, cache: Path) -> Told:
    """Import all scripts in one process, which works in another folder than theirs."""
    done = subprocess.run(
        [sdk.python, str(ROOT / "tests" / "flyte_probe.py"), *map(str, SCRIPTS)],
        cwd=folder,
        env={**machine_environment(home, cache), "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    environments: dict[Path, list[Held]] = {script: [] for script in SCRIPTS}
    for each in answer["environments"]:
        definition = loads(each["definition"]) if each["definition"] else None
        environments[Path(each["script"])].append(Held(Path(each["file"]), each["name"], definition))
    return Told(environments, *answer["host"])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> dict[str, Told]:
    """What the newest Flyte tells, and the oldest that counts."""
    folder, home = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("home")
    return {name: ask(share_sdk(tmp_path_factory, cache, name), folder, home, cache) for name in ("newest", "oldest")}


@cache
def read(file: Path) -> Found:
    """Read the text of a script."""
    return find_images(file.read_text(encoding="utf-8"), file, file.name)


def test_there_are_enough_scripts() -> None:
    assert len(SCRIPTS) >= FEWEST


@pytest.mark.parametrize("version", ["newest", "oldest"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.relative_to(CORPUS).as_posix())
def test_text_and_sdk_agree(script: Path, version: str, told: dict[str, Told]) -> None:
    answer = told[version]
    running = ONLY_RUNNING.get(script.relative_to(CORPUS).as_posix(), {})
    built = [held for held in answer.environments[script] if held.definition]
    for held in built:
        if held.name in running:
            continue
        assert held.definition
        found = find_written(held.definition, [str(held.file)], python=answer.python, flyte=answer.flyte)
        assert found, f"{held.name}: {held.definition}\nis none of\n{read(held.file)}"
    assert answer.environments[script], "the script has no environment"


def names(definition: Definition) -> tuple[str, ...]:
    return definition.environments
