"""BUILD.bazel and default.nix: names, the shared package, and where a workspace begins."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from full_case import DATA, LOCK, SCRIPT, SPEC, plan_of
from onedigest.definition.files import File
from onedigest.definition.spec import Spec
from onedigest.digest import Digest, hex_of
from onedigest.errors import InputError
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Plan, Recipe
from onedigest.platforms import ARM64
from onedigest.rules.bazel import find_package
from onedigest.rules.bazel_layers import layer_targets
from onedigest.rules.files import write
from onedigest.rules.folder import stale_folder, write_folder
from onedigest.rules.image import render_rules, stale_files
from onedigest.rules.model import BAZEL, Rules
from onedigest.rules.nix import layer_names
from onedigest.rules.shared import render_shared


def rules_in(folder: Path, spec: Spec = SPEC) -> Rules:
    (folder / spec.name).mkdir(parents=True, exist_ok=True)
    rules = render_rules(spec, LOCK, plan_of(spec), folder)
    write(folder, rules.files)
    return rules


def names_of(plan: Plan) -> list[str]:
    return list(layer_names(plan).values())


def test_layers_are_named_after_what_they_hold() -> None:
    assert names_of(plan_of(SPEC)) == [
        "debian-bookworm-amd64", "bytecode-debian-bookworm-amd64", "folder-app", "working-directory",
        "debian-essential-amd64", "libgomp1-amd64", "debian-configuration-amd64", "native-1.0-amd64",
        "bytecode-native-1.0-amd64", "alpha-beta-delta-and-1-more", "bytecode-alpha-beta-delta-and-1-more",
        "intel-1-amd64", "bytecode-intel-1-amd64", "python-3.11.2-amd64", "bytecode-python-3.11.2-amd64", "application",
        "debian-bookworm-arm64", "bytecode-debian-bookworm-arm64", "debian-essential-arm64", "libgomp1-arm64",
        "debian-configuration-arm64", "native-1.0-arm64", "bytecode-native-1.0-arm64", "python-3.11.2-arm64",
        "bytecode-python-3.11.2-arm64",
    ]  # fmt: skip


def test_name_of_a_layer_does_not_depend_on_its_image() -> None:
    """So that images share derivations: one of a single platform, or with other layers beside it."""
    both, alone = plan_of(SPEC), plan_of(SPEC, replace(LOCK, platforms=(ARM64,)))
    for layer in alone.layers():
        assert layer.name == layer_names(both)[layer.key()]


def test_two_layers_of_one_name_are_told_apart() -> None:
    plan = plan_of(SPEC)
    first = plan.platforms[0]
    held = next(each for each in first.layers if each.name == "working-directory")
    other = replace(held, content=Recipe(command="working-directory", options=(("another", "one"),)))
    twice = replace(first, layers=(*first.layers, other))
    names = names_of(Plan(name="full", platforms=(twice,)))

    assert [name for name in names if name.startswith("working")] == ["working-directory", "working-directory-2"]


def layers_of(rules: Rules) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rules.files[f"{rules.name}/layers.json"])["layers"]
    return found


def test_parts_of_a_layer_are_what_the_assembler_is_told(tmp_path: Path) -> None:
    layers = {name.rpartition("-")[0]: parts for name, parts in layers_of(rules_in(tmp_path / "locks")).items()}
    digests = {wheel.name: wheel.digest for wheel in LOCK.wheels()}
    native = next(name for name in sorted(digests) if name.startswith("native-1.0-") and "x86_64" in name)

    assert list(layers["debian-bookworm-amd64"]) == ["archive", "command", "holds", "inputs", "options"]
    assert layers["native-1.0-amd64"] == {
        "command": "wheels",
        "holds": "native 1.0",
        "inputs": {"wheel": {native: digests[native]}},
        "options": {"python": "3.11"},
    }
    assert layers["working-directory"] == {"command": "working-directory", "holds": "working directory /app"}


def test_bytecode_is_told_by_its_archive_alone(tmp_path: Path) -> None:
    """So that no wheel and no package is an input of what only takes an archive, whose name moves with them."""
    layers = {name.rpartition("-")[0]: parts for name, parts in layers_of(rules_in(tmp_path / "locks")).items()}
    held = {layer.name: layer for layer in plan_of(SPEC).layers() if layer.bytecode}
    names = {name for name in layers if name.startswith("bytecode-")}

    assert names == set(held)
    assert "bytecode-native-1.0-amd64" in names
    for name in names:
        key = hex_of(held[name].key())[:12]
        holds = held[name].holds
        assert layers[name] == {"archive": f"{name}-{key}.tar.gz", "command": "bytecode", "holds": holds}


MODULE = File(target="data/lib.py", digest=Digest("sha256:" + "5" * 64), executable=False, content=Path("y"))


def with_module(folder: Path, module: File = MODULE, **keys: Any) -> Rules:
    spec = replace(SPEC, **keys)
    return render_rules(spec, LOCK, arrange(spec, LOCK, [DATA, module, SCRIPT]), folder)


def test_bytecode_of_an_application_is_told_which_sources_it_must_be_of(tmp_path: Path) -> None:
    rules = with_module(tmp_path, own_workdir=True)
    layers = {parts["command"]: parts for parts in layers_of(rules).values()}
    application, (bytecode,) = (
        layers["application"],
        (parts for name, parts in layers_of(rules).items() if name.startswith("bytecode-application-")),
    )

    assert bytecode == {
        "archive": "bytecode-application-full.tar.gz",
        "command": "bytecode",
        "holds": f"bytecode of {application['holds']}",
        "options": application["options"],
        "select": application["select"],
    }


def test_edit_of_a_module_moves_no_generated_file(tmp_path: Path) -> None:
    edited = replace(MODULE, digest=Digest("sha256:" + "6" * 64))

    assert with_module(tmp_path, edited).files == with_module(tmp_path).files


def test_application_is_told_by_what_selects_its_files(tmp_path: Path) -> None:
    rules = rules_in(tmp_path / "locks")
    (application,) = (parts for parts in layers_of(rules).values() if parts["command"] == "application")

    assert application["select"] == ["--script=full.py", "--files=data/*.csv", "--files=data/two.bin"]
    for name in ("BUILD.bazel", "layers.json", "default.nix"):
        assert "one.csv" not in rules.files[f"full/{name}"]


def test_absolute_places_are_told_alike_in_all_rules(tmp_path: Path) -> None:
    copies = (("/etc/app.conf", "app.conf"), ("/root", "../lib"))
    spec = replace(SPEC, copies=copies, ignore_file=".dockerignore", ignore_in_copies=True, own_workdir=True, run=())
    files = [replace(DATA, target=each) for each in ("/etc/app.conf", "/root/a.py")]
    rules = render_rules(spec, LOCK, arrange(spec, LOCK, files), tmp_path / "locks")
    (application,) = (parts for parts in layers_of(rules).values() if parts["command"] == "application")
    words = [
        "--copy=/etc/app.conf=app.conf",
        "--copy=/root=../lib",
        "--ignore-file=.dockerignore",
        "--ignore-in-copies",
    ]
    known = f"/etc=0755:0:0,/root=0700:{SPEC.user}"

    assert application["select"][-4:] == words
    assert application["options"] == {"known": known, "owner": SPEC.user, "root": "/app"}
    for name in ("Dockerfile", "default.nix"):
        assert all(f'"{word}"' in rules.files[f"full/{name}"] for word in (*words, known))
    allowed = re.search(r"_WORDS = (\[.*\])", render_shared(tmp_path / "locks", {BAZEL})["extensions.bzl"])
    assert allowed
    assert {word.partition("=")[0] for word in application["select"]} <= set(json.loads(allowed[1]))


def test_name_of_a_target_ends_in_a_checksum_of_its_parts() -> None:
    first, second = (
        {target.name for target in layer_targets(plan_of(spec)).values()} for spec in (SPEC, replace(SPEC, user="7:7"))
    )
    moved = {name.rpartition("-")[0] for name in first ^ second}

    assert moved == {"debian-bookworm-amd64", "debian-bookworm-arm64"}


def test_image_names_its_layers(tmp_path: Path) -> None:
    rules = rules_in(tmp_path / "lockfiles")

    named = re.findall(r'"//lockfiles:([^"]+)",\n', rules.files["full/BUILD.bazel"])
    assert set(named) == set(layers_of(rules))


def test_shared_files_do_not_depend_on_the_images(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "lockfiles", tmp_path / "two" / "lockfiles"
    write_folder([rules_in(one)], one)
    write_folder(
        [rules_in(two, replace(SPEC, name="other", user="7:7")), rules_in(two, replace(SPEC, run=("true",)))], two
    )

    for name in ("BUILD.bazel", "defs.bzl", "extensions.bzl", "internal.bzl"):
        assert (one / name).read_text() == (two / name).read_text()


def test_scripts_added_on_two_branches_merge(tmp_path: Path) -> None:
    """A plain `git merge`: each branch adds an image with rules for Bazel and Nix."""
    folder = tmp_path / "lockfiles"

    def git(*words: str) -> None:
        who = ("-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "init.defaultBranch=main")
        subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, env={"PATH": os.environ["PATH"]}
        )

    def add(name: str) -> None:
        rules = rules_in(folder, replace(SPEC, name=name, rules=("bazel", "nix")))
        write_folder([rules], folder)
        git("add", ".")
        git("commit", "-qm", name)

    git("init", "-q")
    add("first")
    git("switch", "-qc", "one")
    add("one")
    git("switch", "-q", "main")
    add("two")
    git("merge", "-q", "--no-edit", "one")

    images = [replace(SPEC, name=name, rules=("bazel", "nix")) for name in ("first", "one", "two")]
    rules = [render_rules(spec, LOCK, plan_of(spec), folder) for spec in images]
    assert list(stale_folder(rules, folder)) == []
    assert [stale for each in rules for stale in stale_files(each, folder)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"python": "3.11"', '"python": "3.12"'),
        ('"holds": "native 1.0"', '"holds": "native 1.0", "tags": ["manual"]'),
        ("sha256:", "sha257:"),
        ("layers", "  layers"),
    ],
)
def test_layers_that_were_changed_by_hand_are_told(old: str, new: str, tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    rules = rules_in(folder)
    path = folder / "full" / "layers.json"
    assert list(stale_files(rules, folder)) == []

    path.write_text(path.read_text().replace(old, new, 1))
    assert [(each.path, each.edited) for each in stale_files(rules, folder)] == [("full/layers.json", True)]


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


@pytest.mark.parametrize("name", ["linux-amd64", "linux-arm64"])
def test_image_whose_name_is_that_of_a_target_has_another_one_there(name: str, tmp_path: Path) -> None:
    text = rules_in(tmp_path / "lockfiles", replace(SPEC, name=name)).files[f"{name}/BUILD.bazel"]

    assert text.count(f'    name = "{name}",') == 1
    assert f'    name = "{name}-target",' in text


def test_image_with_commands_is_refused_by_both(tmp_path: Path) -> None:
    rules = rules_in(tmp_path / "lockfiles", replace(SPEC, run=("true",)))

    assert "image_manifest(" not in rules.files["full/BUILD.bazel"]
    assert 'load("//lockfiles:defs.bzl", "refused_image")' in rules.files["full/BUILD.bazel"]
    assert layers_of(rules) == {}
    assert rules.files["full/default.nix"].splitlines()[-1].startswith('throw "`run` needs an engine')
