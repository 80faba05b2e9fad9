"""Releases and locks: an edit that moves no byte moves nothing, a number that moves is told, and locks go on."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from built_app import environment_of, host, template
from conftest import Project
from determinism.test_examples import FROZEN, checkout
from other_release import Release, checked_in

__all__ = ["checkout", "host", "template"]

NEXT = "0.2.0"


def comment_the_assembler(release: Release) -> None:
    assert release.comment_modules("assembler/*.py")
    assert release.reword_docstrings("assembler/*.py")


def comment_the_plan(release: Release) -> None:
    assert release.comment_modules("plan.py", "plan/*.py")
    assert release.reword_docstrings("plan.py", "plan/*.py")


def comment_the_rules(release: Release) -> None:
    assert release.comment_modules("rules/*.py")
    assert release.reword_docstrings("rules/*.py")


def comment_templates(release: Release) -> None:
    assert release.comment_templates()


def comment_everything(release: Release) -> None:
    assert len(release.comment_modules("**/*.py")) > 100
    release.comment_templates()


def add_a_key(release: Release) -> None:
    """Add a key that nothing uses, with a default."""
    row = 'Key(name="squash", shape=shapes.FLAG, default=False, says="Squash layers.", example=True),'
    release.edit("definition/keys.py", r"^( +)(Key\(\n +name=\"max-layers\",)$", rf"\1{row}\n\1\2")
    release.edit(
        "definition/spec.py", r"^(    run: tuple\[str, \.\.\.\].*)$", r"\1\n    squash: bool = DEFAULT['squash']"
    )


EDITS = (comment_the_assembler, comment_the_plan, comment_the_rules, comment_templates, comment_everything, add_a_key)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release that is not edited yet."""
    return Release(tmp_path / "release")


@pytest.fixture(scope="module")
def built(template: Path, host: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of two images, built, with rules for every engine that generates some; and its cache."""
    folder = copied(template, tmp_path_factory.mktemp("pair") / "built")
    project = Project(folder / "project", environment_of(folder))
    project.write("onedigest.toml", 'rules = ["docker", "bazel", "nix"]\n')
    block = ('requires-python = ">=3.11"', 'dependencies = ["alpha"]', "[tool.onedigest]", f'base = "{host}/tiny:3"')
    project.script("other.py", *block, code="print('other')\n")
    project.ok("generate", "app.py", "other.py")
    project.ok("build", "--all")
    return folder


@pytest.fixture
def pair(built: Path, tmp_path: Path) -> Project:
    """A copy of the built project."""
    folder = copied(built, tmp_path / "pair")
    return Project(folder / "project", environment_of(folder))


def copied(folder: Path, target: Path) -> Path:
    """Copy a project with its cache."""
    for name in ("project", "cache"):
        shutil.copytree(folder / name, target / name, symlinks=True)
    shutil.copy(folder / "address", target)
    return target


def recorded(project: Project, name: str) -> str:
    """Return the digest that a record states."""
    return str(tomllib.loads(project.read(f"lockfiles/{name}/image.toml"))["index"])


class TestEditThatMovesNoByte:
    @pytest.mark.parametrize("edit", EDITS)
    def test_nothing_of_a_project_is_stale(
        self, edit: Callable[[Release], None], release: Release, pair: Project
    ) -> None:
        before = checked_in(pair)
        edit(release)

        release.ok(pair, "generate", "--check", "--all")
        release.ok(pair, "build", "--locked", "--all")
        assert checked_in(pair) == before

    def test_nothing_is_written_anew(self, release: Release, pair: Project) -> None:
        before = checked_in(pair)
        comment_everything(release)

        release.ok(pair, "generate", "--all")
        release.ok(pair, "build", "--all")
        assert checked_in(pair) == before

    @pytest.mark.network
    def test_examples_have_their_recorded_digests(self, release: Release, checkout: Project) -> None:
        comment_everything(release)
        release.reword_docstrings("**/*.py")
        add_a_key(release)

        assert release.ok(checkout, "generate", "--check", "--offline", "--all").err == "3 locks checked\n"
        for name in FROZEN:
            assert release.ok(checkout, "build", "--locked", name).out == f"{recorded(checkout, name)}\n"


class TestReleaseThatMovesNoFormat:
    def test_generate_changes_nothing(self, release: Release, pair: Project) -> None:
        before = checked_in(pair)
        release.name_version(NEXT)

        assert release.ok(pair, "--version").out == f"onedigest {NEXT}\n"
        release.ok(pair, "generate", "--check", "--all")
        release.ok(pair, "generate", "--all")
        release.ok(pair, "build", "--locked", "--all")
        assert checked_in(pair) == before

    def test_a_new_lock_states_the_release(self, release: Release, pair: Project) -> None:
        release.name_version(NEXT)
        pair.write("other.py", pair.read("other.py").replace('["alpha"]', "[]"))
        release.ok(pair, "generate", "other.py")

        assert f'version = "{NEXT}"' in pair.read("lockfiles/other/pylock.toml")
        assert f'version = "{NEXT}"' not in pair.read("lockfiles/app/pylock.toml")


class TestRulesOfAnotherFormat:
    def test_check_says_so_by_one_line_for_all_images(self, release: Release, pair: Project) -> None:
        number = release.raise_number("formats.py", "RULES")
        result = release.run(pair, "generate", "--check", "--all")

        assert result.code == 3
        assert re.findall(r"format \d+", result.err) == [f"format {number - 1}", f"format {number}"]
        assert len(result.err.splitlines()) == 2  # the line, and what to do
        assert result.err.splitlines()[1].startswith("hint: ")

    def test_locked_builds_hold_before_anything_is_renewed(self, release: Release, pair: Project) -> None:
        before = checked_in(pair)
        release.raise_number("formats.py", "RULES")

        release.ok(pair, "build", "--locked", "--all")
        assert checked_in(pair) == before

    def test_generate_renews_rules_and_moves_no_lock_and_no_digest(self, release: Release, pair: Project) -> None:
        before = checked_in(pair)
        number = release.raise_number("formats.py", "RULES")
        release.ok(pair, "generate", "--all")
        after = checked_in(pair)

        assert after.keys() == before.keys()
        kept = {path: data for path, data in before.items() if path.endswith(("pylock.toml", "image.toml"))}
        assert {path: after[path] for path in kept} == kept
        assert f"format {number}".encode() in after["app/Dockerfile"]
        release.ok(pair, "generate", "--check", "--all")
        release.ok(pair, "build", "--locked", "--all")
        assert checked_in(pair) == after

    def test_rules_of_a_newer_release_are_not_written_over_in_silence(self, release: Release, pair: Project) -> None:
        number = release.raise_number("formats.py", "RULES")
        release.ok(pair, "generate", "--all")
        result = pair.run("generate", "--check", "--all")

        assert result.code == 3
        assert f"format {number}" in result.err
        before = checked_in(pair)
        result = pair.run("generate", "--all")

        assert result.code == 1
        assert (
            "lockfiles/app/Dockerfile: a newer release wrote it, in rules format 2; this version writes 1\n"
            in result.err
        )
        assert "hint: run `uv tool install --upgrade onedigest`\n" in result.err
        assert checked_in(pair) == before
        pair.ok("build", "--locked", "--all")

    def test_a_rule_that_was_edited_by_hand_is_still_refused(self, release: Release, pair: Project) -> None:
        release.raise_number("formats.py", "RULES")
        pair.write("lockfiles/app/Dockerfile", pair.read("lockfiles/app/Dockerfile") + "RUN true\n")
        result = release.run(pair, "build", "--locked", "app")

        assert result.code in (1, 3)
        assert "Dockerfile" in result.err


@pytest.mark.parametrize(
    ("module", "name", "key"),
    [("formats.py", "LOCK", "format"), ("assembler/__init__.py", "FORMAT", "layer-format")],
    ids=["lock", "layers"],
)
class TestLockOfANewerRelease:
    @pytest.fixture
    def newer(self, module: str, name: str, key: str, release: Release, pair: Project) -> Project:
        """The project, with a lock of a newer release."""
        number = release.raise_number(module, name)
        release.name_version(NEXT)
        shutil.rmtree(pair.root / "lockfiles" / "other")
        release.ok(pair, "generate", "other.py")
        lock = tomllib.loads(pair.read("lockfiles/other/pylock.toml"))["tool"]["onedigest"]
        assert (lock[key], lock["version"]) == (number, NEXT)
        return pair

    def test_error_names_the_release_to_install(self, newer: Project, module: str, name: str, key: str) -> None:
        for arguments in (("build", "--locked", "other"), ("build", "other"), ("generate", "--check", "other.py")):
            result = newer.run(*arguments)

            assert result.code in (1, 3)
            assert "lockfiles/other/pylock.toml" in result.err
            assert f'uv tool install "onedigest>={NEXT}"' in result.err

    def test_generate_writes_no_older_lock_over_it(self, newer: Project, module: str, name: str, key: str) -> None:
        before = newer.read("lockfiles/other/pylock.toml")
        result = newer.run("generate", "other.py")

        assert result.code
        assert f'uv tool install "onedigest>={NEXT}"' in result.err
        assert newer.read("lockfiles/other/pylock.toml") == before

    def test_other_locks_go_on(self, newer: Project, module: str, name: str, key: str) -> None:
        newer.ok("build", "--locked", "app")
