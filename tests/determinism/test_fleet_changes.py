"""What people have to review: files and lines that git sees change in a repository of 40 scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from base_images import RUNNING, put_image, python_image
from forty_scripts import BUMPED, COPIERS, ENGINE_RULES, PACKAGES, SCRIPTS, Changes, Fleet, publish
from index_server import IndexServer
from other_release import Release, checked_in
from registry_server import serve_registry

LOCKED = ["image.toml", "pylock.toml"]
DOCKER_RULES = ["Dockerfile", "Dockerfile.dockerignore"]
SHARED_BY_DOCKER = "lockfiles/docker-bake.json"
BAZEL_AND_NIX = ("BUILD.bazel", "default.nix", "defs.bzl", "extensions.bzl", "internal.bzl", "layers.json", ".nix")


@dataclass(frozen=True)
class World:
    """What fleets need beside their own folder: a base image, and an index."""

    folder: Path
    base: str
    index: IndexServer

    def fleet(self, name: str, rules: str, scripts: int = SCRIPTS) -> Fleet:
        """Return a new repository whose locks and records are checked in."""
        (self.folder / name).mkdir()
        fleet = Fleet(self.folder / name, self.base, self.index.address)
        fleet.write(rules, scripts)
        return fleet


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "wheels").mkdir()
    for name in (*PACKAGES, "transport"):
        publish(folder / "wheels", name, "1.0")
    server = IndexServer(folder / "wheels")
    with serve_registry(tmp_path_factory.mktemp("registry")) as served:
        put_image(served.host, "tiny", "3", python_image(RUNNING))
        yield World(folder, f"{served.host}/tiny:3", server)
    server.close()


@dataclass(frozen=True)
class First:
    """A fleet with the default rules, and what its first `generate --all` changed."""

    fleet: Fleet
    generated: Changes
    recorded: Changes


@pytest.fixture(scope="module")
def first(world: World) -> First:
    fleet = world.fleet("first", "")
    fleet.run("generate", "--all")
    generated = fleet.changes()
    fleet.run("build", "--all")
    return First(fleet, generated, fleet.changes())


@pytest.fixture
def fleet(first: First, tmp_path: Path) -> Fleet:
    """A copy of the fleet, which has the default rules."""
    return first.fleet.copy(tmp_path / "copy")


def test_first_generate_writes_a_lock_and_what_docker_needs(first: First) -> None:
    print(f"\nfirst generate --all: {first.generated.summary()}")
    names = first.fleet.images()

    assert len(names) == SCRIPTS
    assert [first.generated.of_image(each) for each in names] == [[*DOCKER_RULES, "pylock.toml"]] * SCRIPTS
    assert SHARED_BY_DOCKER in first.generated.shared()
    assert len(first.generated.shared()) <= 3  # with those for git
    assert [path for path in first.generated.files if path.endswith(BAZEL_AND_NIX)] == []


def test_first_build_writes_a_record_each(first: First) -> None:
    assert first.recorded.files == [f"lockfiles/{each}/image.toml" for each in first.fleet.images()]


def test_first_generate_without_rules_writes_locks_alone(world: World) -> None:
    fleet = world.fleet("bare", "[]", 3)
    fleet.run("generate", "--all")
    changes = fleet.changes()

    assert [changes.of_image(each) for each in fleet.images()] == [["pylock.toml"]] * 3
    assert len(changes.shared()) <= 2  # those for git


def test_nothing_is_left_of_rules_that_are_not_asked_for_any_more(fleet: Fleet) -> None:
    before = fleet.digests()
    fleet.set_rules("[]")
    fleet.run("generate", "--all")
    changes = fleet.changes()

    assert [changes.of_image(each) for each in fleet.images()] == [DOCKER_RULES] * SCRIPTS
    assert sum(added for path, (added, _) in changes.lines.items() if path != "onedigest.toml") == 0
    assert not (fleet.project.root / SHARED_BY_DOCKER).exists()
    fleet.run("generate", "--check", "--all")
    fleet.run("build", "--locked", "--all")
    assert fleet.digests() == before


@pytest.fixture
def bumped(world: World) -> Iterator[None]:
    """The index has a new version of the package that many scripts need."""
    publish(world.index.folder, "transport", "1.1")
    yield
    (world.index.folder / "transport-1.1-py3-none-any.whl").unlink()


@pytest.mark.usefixtures("bumped")
@pytest.mark.parametrize(
    ("rules", "allowed", "shared"),
    [("[]", LOCKED, []), ("", sorted([*LOCKED, *DOCKER_RULES]), [SHARED_BY_DOCKER])],
    ids=["no rules", "docker"],
)
def test_a_bumped_package_changes_the_scripts_that_need_it(
    rules: str, allowed: list[str], shared: list[str], fleet: Fleet
) -> None:
    if rules:
        fleet.set_rules(rules)
        fleet.run("generate", "--all")
        fleet.changes()
    fleet.run("generate", "--all", "--upgrade-package", "transport")
    fleet.run("build", "--all")
    changes = fleet.changes()
    print(f"\none package bumped in {BUMPED} scripts, rules {rules or 'docker'}: {changes.summary()}")
    touched = {each: changes.of_image(each) for each in fleet.images() if changes.of_image(each)}

    assert list(touched) == [f"job{number:02}" for number in range(BUMPED)]
    assert [name for names in touched.values() for name in names if name not in allowed] == []
    assert all(set(LOCKED) <= set(names) for names in touched.values())
    assert set(changes.shared()) <= set(shared)
    fleet.run("generate", "--check", "--all")


def test_a_file_added_to_a_copied_folder_changes_records_alone(fleet: Fleet) -> None:
    fleet.project.write("lib/shared/empty.py", "")
    fleet.commit("a file")
    fleet.run("generate", "--check", "--all")
    fleet.run("build", "--all")
    changes = fleet.changes()
    print(f"\none file added to a folder that {COPIERS} scripts copy: {changes.summary()}")

    copiers = [f"job{number:02}" for number in range(0, SCRIPTS, SCRIPTS // COPIERS)]
    assert changes.files == [f"lockfiles/{each}/image.toml" for each in copiers]
    fleet.run("generate", "--all")
    assert fleet.changes().files == []


def test_an_upgrade_that_changes_no_format_changes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    release = Release(tmp_path / "release")
    release.name_version("0.2.0")
    release.comment_modules("**/*.py")
    release.comment_templates()
    for arguments in (("generate", "--check", "--all"), ("generate", "--all"), ("build", "--all")):
        release.ok(fleet.project, *arguments)

    assert fleet.changes().files == []


def test_an_upgrade_to_new_rules_moves_no_lock(fleet: Fleet, tmp_path: Path) -> None:
    release = Release(tmp_path / "release")
    release.raise_number("formats.py", "RULES")
    before = fleet.digests()
    release.ok(fleet.project, "generate", "--all")
    changes = fleet.changes()
    release.ok(fleet.project, "build", "--locked", "--all")

    assert {tuple(changes.of_image(each)) for each in fleet.images()} == {tuple(DOCKER_RULES)}
    assert fleet.digests() == before


@pytest.fixture(scope="module")
def made(world: World) -> Fleet:
    """A smaller repository with rules for docker, Bazel and Nix."""
    fleet = world.fleet("engines", ENGINE_RULES, 3)
    fleet.run("generate", "--all")
    fleet.run("build", "--all")
    fleet.commit("locks")
    return fleet


@pytest.fixture
def small(made: Fleet, tmp_path: Path) -> Fleet:
    return made.copy(tmp_path / "copy")


def test_a_file_added_changes_a_record_alone_with_rules_of_every_engine(small: Fleet) -> None:
    small.project.write("lib/shared/empty.py", "")
    small.commit("a file")
    small.run("generate", "--check", "--all")
    small.run("build", "--all")

    assert small.changes().files == ["lockfiles/job00/image.toml"]


def test_two_branches_that_add_a_script_merge(small: Fleet) -> None:
    """Both add to every shared file; what Bazel reads merges without help, and no lock or record moves."""
    for branch, number in (("left", 30), ("right", 31)):
        small.git("checkout", "--quiet", "-b", branch, "main")
        small.add_script(branch, number)
        small.run("generate", "--all")
        small.run("build", "--all")
        small.commit(branch)
    expected = small.digests()
    merged = small.try_git("merge", "--quiet", "--no-edit", "left")
    conflicts = small.git("diff", "--name-only", "--diff-filter=U").split()
    print(f"\nconflicts of two branches: {conflicts or 'none'}")

    assert merged.returncode in (0, 1), merged.stderr
    assert set(conflicts) <= {SHARED_BY_DOCKER}  # JSON, of which git knows nothing
    if conflicts:
        small.commit("with marks")
    before = checked_in(small.project)
    small.run("generate", "--all")
    small.run("generate", "--check", "--all")
    small.run("build", "--locked", "--all")
    after = checked_in(small.project)
    assert small.images() == ["job00", "job01", "job02", "left", "right"]
    assert {path for path in after if after[path] != before.get(path)} <= {SHARED_BY_DOCKER.partition("/")[2]}
    assert expected.items() <= small.digests().items()


def test_two_branches_that_edit_a_copied_folder_merge(small: Fleet) -> None:
    """Their records contradict each other, and both are wrong of what is merged: the next build writes one anew."""
    for branch in ("left", "right"):
        small.git("checkout", "--quiet", "-b", branch, "main")
        small.project.write(f"lib/shared/{branch}.py", "")
        small.run("build", "--all")
        small.commit(branch)
    assert small.try_git("merge", "--quiet", "--no-edit", "left").returncode == 1
    record = "lockfiles/job00/image.toml"
    assert small.git("diff", "--name-only", "--diff-filter=U").split() == [record]
    checked = small.project.run("generate", "--check", "--all")
    locked = small.project.run("build", "--locked", "--all")
    built = small.run("build", "--all")

    assert (checked.code, record in checked.err) == (3, True)
    assert locked.code
    assert record in locked.err
    assert record in built.err
    small.run("generate", "--check", "--all")
    small.run("build", "--locked", "--all")
    small.commit("merged")
    assert "<<<<<<<" not in small.project.read(record)


@pytest.mark.parametrize("name", ["left", "right"])
def test_a_script_changes_no_file_of_another_image(name: str, small: Fleet) -> None:
    small.add_script(name, 30)
    small.run("generate", "--all")
    small.run("build", "--all")
    changes = small.changes()

    assert [each for each in small.images() if changes.of_image(each)] == [name]
    assert [path for path in changes.shared() if path.endswith((".bazel", ".bzl", ".nix"))] == []
