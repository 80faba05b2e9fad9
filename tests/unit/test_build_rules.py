"""BUILD.bazel and default.nix: names, the shared package, and where a workspace begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from full_case import DATA, LOCK, SCRIPT, SPEC, plan_of
from onedigest.errors import InputError
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Plan, Recipe
from onedigest.platforms import ARM64
from onedigest.rules.bazel import find_package, named_targets
from onedigest.rules.files import write
from onedigest.rules.image import Rules, render_rules
from onedigest.rules.layer_targets import layer_targets, read_targets, render_targets
from onedigest.rules.merged import stale_merged, write_merged
from onedigest.rules.nix import layer_names
from onedigest.spec import Spec


def rules_in(folder: Path, spec: Spec = SPEC) -> Rules:
    (folder / spec.name).mkdir(parents=True, exist_ok=True)
    rules = render_rules(spec, LOCK, plan_of(spec), folder)
    write(folder, rules.files)
    return rules


def stale_layers(folder: Path) -> list[str]:
    return [message for name, message in stale_merged([], folder) if name == "BUILD.bazel"]


def names_of(plan: Plan) -> list[str]:
    return list(layer_names(plan).values())


def test_layers_are_named_after_what_they_hold() -> None:
    assert names_of(plan_of(SPEC)) == [
        "debian-bookworm-amd64", "folder-app", "working-directory", "libgomp1-amd64", "python-3.11.2", "native-1.0-amd64",
        "alpha-beta-delta-and-1-more", "intel-1-amd64", "application", "debian-bookworm-arm64", "libgomp1-arm64",
        "native-1.0-arm64",
    ]  # fmt: skip


def test_name_of_a_layer_does_not_depend_on_its_image() -> None:
    """So that images share derivations: one of a single platform, or with other layers beside it."""
    both, alone = plan_of(SPEC), plan_of(SPEC, replace(LOCK, platforms=(ARM64,)))
    for layer in alone.layers():
        assert layer.name == layer_names(both)[layer.key()]


def test_two_layers_of_one_name_are_told_apart() -> None:
    plan = plan_of(SPEC)
    first = plan.platforms[0]
    other = replace(first.layers[2], content=Recipe(command="working-directory", options=(("another", "one"),)))
    twice = replace(first, layers=(*first.layers, other))
    names = names_of(Plan(name="full", platforms=(twice,)))

    assert [name for name in names if name.startswith("working")] == ["working-directory", "working-directory-2"]


def test_targets_come_out_of_the_shared_package_as_they_went_in() -> None:
    targets = list(layer_targets(plan_of(SPEC)).values())
    text = render_targets(targets, "//locks")

    assert list(read_targets(text).values()) == sorted(targets, key=lambda each: each.name)
    assert render_targets(read_targets(text).values(), "//locks") == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('python = "3.11"', 'python = "3.12"'),
        ("wheel_layer(\n", "runtime_layer(\n"),
        ('holds = "native 1.0"', 'holds = "native 1.0", tags = ["manual"]'),
        ("sha256:", "sha257:"),
    ],
)
def test_target_that_was_changed_by_hand_is_written_anew(old: str, new: str, tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    rules = rules_in(folder)
    write_merged([rules], folder)
    path = folder / "BUILD.bazel"
    text = path.read_text()
    assert stale_layers(folder) == []

    path.write_text(text.replace(old, new, 1))
    assert stale_layers(folder)[0] == "was changed by hand"
    assert " named " not in stale_layers(folder)[1]
    assert stale_layers(folder)[1].startswith("has no target `")
    write_merged([rules], folder)
    assert path.read_text() == text


def test_shared_package_keeps_what_other_images_name_and_drops_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    one, two = rules_in(folder, replace(SPEC, name="one")), rules_in(folder, replace(SPEC, name="two", workdir="/"))
    write_merged([one], folder)
    write_merged([two], folder)
    everything = {layer.name for rules in (one, two) for layer in rules.layers}
    assert set(read_targets((folder / "BUILD.bazel").read_text())) == everything

    (folder / "two" / "pylock.toml").unlink()
    gone = everything - {layer.name for layer in one.layers}
    assert stale_layers(folder) == [f"has the target `{name}`, which no image names" for name in sorted(gone)]
    write_merged([one], folder)
    assert set(read_targets((folder / "BUILD.bazel").read_text())) == {layer.name for layer in one.layers}


def test_both_sides_of_a_merge_are_read(tmp_path: Path) -> None:
    """What git left undecided is no target, and comes back with the next generation."""
    folder = tmp_path / "lockfiles"
    rules = rules_in(folder)
    write_merged([rules], folder)
    path = folder / "BUILD.bazel"
    text = path.read_text()
    path.write_text(
        text.replace("wheel_layer(\n", "<<<<<<< ours\nwheel_layer(\n=======\nwheel_layer(\n>>>>>>> theirs\n", 1)
    )
    write_merged([rules], folder)

    assert path.read_text() == text


def test_image_names_its_layers(tmp_path: Path) -> None:
    rules = rules_in(tmp_path / "lockfiles")

    assert set(named_targets(rules.files["full/BUILD.bazel"], "//lockfiles")) == {layer.name for layer in rules.layers}


@pytest.mark.parametrize("marker", ["MODULE.bazel", "REPO.bazel", "WORKSPACE", "WORKSPACE.bazel"])
def test_workspace_begins_at_the_nearest_marker(marker: str, tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "team" / "lockfiles"
    folder.mkdir(parents=True)
    assert find_package(folder) == "//lockfiles", "none yet"
    (tmp_path / "repository" / marker).touch()
    assert find_package(folder) == "//team/lockfiles"
    (tmp_path / "repository" / "team" / marker).touch()
    assert find_package(folder) == "//lockfiles"


def test_what_is_above_the_git_repository_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "lockfiles"
    folder.mkdir(parents=True)
    (tmp_path / "WORKSPACE").touch()
    assert find_package(folder) == "//repository/lockfiles"
    (tmp_path / "repository" / ".git").mkdir()
    assert find_package(folder) == "//lockfiles"


def test_workspace_that_moves_makes_the_files_stale(tmp_path: Path) -> None:
    folder = tmp_path / "team" / "lockfiles"
    rules = rules_in(folder)
    (tmp_path / "MODULE.bazel").touch()
    moved = rules_in(folder)

    assert '"//lockfiles:defs.bzl"' in rules.files["full/BUILD.bazel"]
    assert '"//team/lockfiles:defs.bzl"' in moved.files["full/BUILD.bazel"]


@pytest.mark.parametrize("name", ["defs.bzl", "default.nix", "docker-bake.json", "image.toml", "onedigest.nix"])
def test_name_of_a_generated_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        rules_in(tmp_path / "lockfiles", replace(SPEC, name=name))

    assert str(caught.value) == (
        f"full.py: the name `{name}` is that of a generated file\n"
        "hint: set another `name` in [tool.onedigest]"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["application", "linux-amd64", "linux-arm64"])
def test_image_whose_name_is_that_of_a_target_has_another_one_there(name: str, tmp_path: Path) -> None:
    text = rules_in(tmp_path / "lockfiles", replace(SPEC, name=name)).files[f"{name}/BUILD.bazel"]

    assert text.count(f'    name = "{name}",') == 1
    assert f'    name = "{name}-target",' in text


def test_image_with_commands_is_refused_by_both(tmp_path: Path) -> None:
    rules = rules_in(tmp_path / "lockfiles", replace(SPEC, run=("true",)))

    assert "image_manifest(" not in rules.files["full/BUILD.bazel"]
    assert 'load("//lockfiles:defs.bzl", "refused_image")' in rules.files["full/BUILD.bazel"]
    assert rules.files["full/default.nix"].splitlines()[-1].startswith('throw "`run` needs an engine')


def test_executable_files_are_stated(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    (folder / "full").mkdir(parents=True)
    program = replace(DATA, executable=True)
    plan = arrange(SPEC, LOCK, [program, SCRIPT])
    rules = render_rules(SPEC, LOCK, plan, folder)

    assert (
        'programs = {\n        "@onedigest_files//:data/one.csv": "data/one.csv",\n' in rules.files["full/BUILD.bazel"]
    )
    assert 'programs = {\n        "data/one.csv" = "data/one.csv";\n' in rules.files["full/default.nix"]
