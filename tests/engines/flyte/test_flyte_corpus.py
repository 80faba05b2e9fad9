"""Scripts as people write them: what their text says of their images is what Flyte's own SDK holds of them."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT, machine_environment
from flyte_sdk import Sdk, share_sdk
from onedigest.definition.flyte.definition import CodeBundle, Definition, loads
from onedigest.definition.flyte.syntax import FoundImages, find_images
from onedigest.definition.script import canonical_text
from onedigest.flyte_plugin.written import find_written

pytestmark = pytest.mark.network

CORPUS = ROOT / "tests" / "flyte_corpus"
SCRIPTS = tuple(sorted([*CORPUS.glob("*.py"), *CORPUS.glob("*/main.py")]))
FEWEST = 90

ONLY_RUNNING = {
    "changed_afterwards.py": ("changed_afterwards",),
    "checkout_plugins.py": ("checkout_function",),
    "constants_by_choice.py": ("choice", "choice_joined"),
    "image_by_condition.py": ("condition",),
    "image_extended_at_times.py": ("extended_at_times",),
    "image_in_loop.py": ("loop_a", "loop_b"),
    "image_name_from_environment.py": ("environment_name",),
    "image_or_auto.py": ("image_or_auto",),
    "mutated_constants.py": ("mutated_augmented", "mutated_dict", "mutated_list"),
    "notebook_python.py": ("python_of_this_machine",),
    "packages_from_file.py": ("packages_from_file",),
    "ref_name_layers.py": ("on_team_base",),
}
"""The environments of a script whose images only running it tells."""

OF_THE_SDK = {"app_webhook.py": ("webhook-given",)}
"""The environments of a script whose image the SDK makes itself."""

ENVIRONMENT_UNKNOWN = {
    "environment_image_set_later.py": ("set-later",),
    "environment_name_unknown.py": ("suffixed",),
    "image_by_condition.py": ("condition",),
    "main_block_image.py": ("main-block",),
}
"""The images of a script, by their names, that no environment has by its text."""


@dataclass(frozen=True)
class Held:
    """An environment of a script: what the SDK holds of its image, None where Flyte builds none.

    `files` may define it, the likeliest first.
    """

    files: tuple[str, ...]
    name: str
    definition: Definition | None


@dataclass(frozen=True)
class Told:
    """What one SDK tells of all scripts, and the Python and the Flyte that it has."""

    environments: dict[Path, list[Held]]
    python: str
    flyte: str

    def find(self, held: Held) -> tuple[Definition, Path] | None:
        """Return what the text of a script says of an image, as Flyte's builder finds it, and the script."""
        assert held.definition
        return find_written(
            held.definition, list(held.files), python=self.python, flyte=self.flyte, root_of=lambda _: CORPUS
        )


def ask(sdk: Sdk, folder: Path, home: Path, cache: Path) -> Told:
    """Import all scripts in one process, which works in another folder than theirs."""
    done = subprocess.run(
        [sdk.python, str(ROOT / "tests" / "flyte_probe.py"), *map(str, SCRIPTS)],
        cwd=folder,
        env={**machine_environment(home, cache), "PYTHONWARNINGS": "ignore"},
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
        environments[Path(each["script"])].append(Held(tuple(each["files"]), each["name"], definition))
    return Told(environments, *answer["host"])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> dict[str, Told]:
    """What the newest Flyte tells, and the oldest that counts."""
    folder, home = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("home")
    names = ("newest", "oldest")
    with ThreadPoolExecutor(len(names)) as pool:
        answers = pool.map(lambda name: ask(share_sdk(tmp_path_factory, cache, name), folder, home, cache), names)
        return dict(zip(names, answers, strict=True))


@cache
def read(file: Path) -> FoundImages:
    """Read the text of a script."""
    return find_images(canonical_text(file.read_bytes(), file.name), file, file.name, CORPUS)


def without_bundles(definition: Definition) -> Definition:
    """Leave out the code, which is in an image only where it is run without a bundle."""
    return replace(definition, steps=tuple(step for step in definition.steps if not isinstance(step, CodeBundle)))


def named(script: Path) -> str:
    return script.relative_to(CORPUS).as_posix()


def test_there_are_enough_scripts() -> None:
    assert len(SCRIPTS) >= FEWEST
    assert {*ONLY_RUNNING, *OF_THE_SDK, *ENVIRONMENT_UNKNOWN} <= set(map(named, SCRIPTS))


@pytest.mark.parametrize("version", ["newest", "oldest"])
@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_text_and_sdk_agree(script: Path, version: str, told: dict[str, Told]) -> None:
    answer = told[version]
    running = (*ONLY_RUNNING.get(named(script), ()), *OF_THE_SDK.get(named(script), ()))
    built = [held for held in answer.environments[script] if held.definition]
    written = [held for held in built if held.name not in running]
    having: dict[tuple[Path, Definition], set[str]] = {}
    for held in written:
        found = answer.find(held)
        assert found, f"{held.name}: {held.definition}\nis none of\n{read(Path(held.files[0]))}"
        names = {held.name} if found[0].environments else set()
        having.setdefault((found[1], without_bundles(found[0])), set()).update(names)

    assert answer.environments[script], "the script has no environment"
    for file in {Path(held.files[0]) for held in built} | {script}:
        expected = {tuple(sorted(names)) for (place, _), names in having.items() if place == file}
        texts = {tuple(each for each in one.environments if each not in running) for one in read(file).definitions}
        assert texts - {()} == expected - {()}
        assert read(file).problems == ()
        alone = tuple(one.name for one in read(file).definitions if not one.environments)
        assert alone == (ENVIRONMENT_UNKNOWN.get(named(script), ()) if file == script else ())


@pytest.mark.parametrize("name", ONLY_RUNNING)
def test_what_only_running_tells_is_said_with_its_line(name: str, told: dict[str, Told]) -> None:
    answer = told["newest"]
    held = [each for each in answer.environments[CORPUS / name] if each.name in ONLY_RUNNING[name]]

    assert held
    assert read(CORPUS / name).unread
    assert all(re.fullmatch(r".+\.py:\d+", problem.where) for problem in read(CORPUS / name).unread)
    assert [answer.find(each) for each in held] == [None for _ in held]
