"""Links in a checkout: nothing is written or read through one that leaves the project, and each is told by its path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Project
from forged_locks import check_in, document, written
from golden import expected_files, script_of
from onedigest import zipapp
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.bytecode.interpreter import Interpreter
from onedigest.definition.files import collect
from onedigest.definition.project import find
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.digest import of_bytes
from onedigest.engines.prepared import place_encoded
from onedigest.errors import InputError
from onedigest.fetching import link_cached, place_assemblers
from onedigest.lock import text
from onedigest.oci.layout import write as write_layout
from onedigest.plan.arrange import arrange
from onedigest.plan.inputs import FOLDER, Inputs, base_layout
from onedigest.plan.layers import Plan
from onedigest.rules import files as rule_files
from onedigest.store import Store, exclusive

NOT_FOLLOWED = "a symbolic link is not followed"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is no part of the project, with a file that must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "config").write_text("precious\n")
    return folder


@pytest.fixture
def locked(project: Project, tmp_path: Path) -> Project:
    """A project with a lock, and a store of its own."""
    check_in(project, "minimal", written(document("minimal"), "minimal"))
    project.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return project


def untouched(outside: Path) -> bool:
    return [path.name for path in outside.iterdir()] == ["config"] and (outside / "config").read_text() == "precious\n"


def plan_of(root: Path, case: str) -> Plan:
    """Return the plan of a golden case whose script is in a folder; nothing is compiled for it."""
    (root / f"{case}.py").write_text(script_of(case))
    script = parse(script_of(case).encode(), f"{case}.py")
    spec = replace(specify(script, find(root), f"{case}.py"), bytecode=False)
    lock = text.loads(expected_files(case)["pylock.toml"], "pylock.toml")
    return arrange(spec, lock, collect(spec, script, root))


def small_image(folder: Path) -> tuple[Image, dict[str, Path]]:
    """Return an image of one layer, and where that is."""
    layer = folder / "layer"
    layer.write_bytes(b"layer")
    digest = of_bytes(b"layer")
    platform = assemble_platform("linux/amd64", {"config": {}, "history": [{}]}, [Descriptor(digest, digest, 5)])
    return assemble_index([platform]), {digest: layer}


def test_inputs_are_not_brought_through_a_link(locked: Project, outside: Path) -> None:
    (locked.root / "lockfiles" / ".inputs").symlink_to(outside)
    result = locked.run("fetch", "minimal", "--offline")

    assert untouched(outside)
    assert result.err == f"error: lockfiles/.inputs: {NOT_FOLLOWED}\nhint: replace it by what it names\n"
    assert result.code == 1


@pytest.mark.parametrize(
    "command", [["fetch", "minimal", "--offline"], ["generate", "--check", "minimal.py"], ["fetch", "--all"]]
)
@pytest.mark.parametrize("link", ["lockfiles", "lockfiles/minimal", "lockfiles/minimal/pylock.toml"])
def test_lock_is_not_read_through_a_link(link: str, command: list[str], locked: Project, outside: Path) -> None:
    place, moved = locked.root / link, outside / "moved"
    place.rename(moved)
    place.symlink_to(moved)
    result = locked.run(*command)

    assert link in result.err.splitlines()[0]
    assert result.err.splitlines()[0].endswith(f": {NOT_FOLLOWED}")
    assert "hint: replace it by what it names" in result.err
    assert result.code == 1


def test_message_tells_nothing_of_what_a_lock_links_to(locked: Project, outside: Path) -> None:
    lock = locked.root / "lockfiles" / "minimal" / "pylock.toml"
    lock.unlink()
    lock.symlink_to(outside / "config")
    for command in (["generate", "--check", "minimal.py"], ["fetch", "minimal"], ["build", "--locked", "minimal"]):
        result = locked.run(*command)
        assert (result.code, NOT_FOLLOWED in result.err, "precious" in result.err) == (1, True, False)


def write_file(name: str) -> Callable[[Path], object]:
    return lambda root: rule_files.write(root / "lockfiles", {name: "new"})


LINKS: dict[str, Callable[[Path], object]] = {
    "lockfiles": write_file("job/Dockerfile"),
    "lockfiles/job": write_file("job/Dockerfile"),
    "lockfiles/job/Dockerfile": write_file("job/Dockerfile"),
    "lockfiles/docker-bake.json": write_file("docker-bake.json"),
    "lockfiles/BUILD.bazel": lambda root: rule_files.refuse_foreign(root / "lockfiles", ["BUILD.bazel"]),
    "lockfiles/job/image.toml": lambda root: rule_files.write(root / "lockfiles" / "job", {"image.toml": "new"}),
    "lockfiles/.inputs": lambda root: place_assemblers(
        Store(root / "store"), root / "lockfiles" / ".inputs", [zipapp.newest()]
    ),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("dangling", [True, False])
def test_nothing_is_written_through_a_link(link: str, dangling: bool, tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "project"
    place = root / link
    place.parent.mkdir(parents=True)
    whole = outside if place.name in ("lockfiles", "job", ".inputs") else outside / "config"
    place.symlink_to(outside / "new" if dangling else whole)
    with pytest.raises(InputError) as caught:
        LINKS[link](root)

    assert untouched(outside)
    assert caught.value.problems[0].message == NOT_FOLLOWED
    assert caught.value.problems[0].where.endswith(link)
    assert place.is_symlink()


def test_lock_folder_is_not_held_through_a_link(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "lockfiles").symlink_to(outside)
    with pytest.raises(InputError, match=NOT_FOLLOWED), exclusive(tmp_path / "lockfiles"):
        pass


def test_input_that_is_a_link_is_not_taken_for_the_store_s(tmp_path: Path) -> None:
    store, inputs = Store(tmp_path / "store"), tmp_path / "lockfiles" / FOLDER
    digest = store.add(b"content")
    inputs.mkdir(parents=True)
    (inputs / "x.deb").symlink_to(store.path(digest))
    with pytest.raises(InputError, match=NOT_FOLLOWED):
        store.place(digest, 7, inputs / "x.deb")


def no_interpreter() -> Interpreter:
    raise AssertionError("nothing is compiled")


def test_layout_of_a_base_is_not_written_through_a_link(tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    plan, inputs = plan_of(root, "image"), root / "lockfiles" / FOLDER
    inputs.mkdir(parents=True)
    (inputs / base_layout(plan)).symlink_to(outside)
    with pytest.raises(InputError) as caught:
        place_encoded(plan, inputs=inputs, store=Store(tmp_path / "store"), workers=1, find=no_interpreter)

    assert untouched(outside)
    assert caught.value.problems[0].message == NOT_FOLLOWED


@pytest.mark.parametrize("link", ["dist", "dist/job"])
def test_layout_is_not_written_through_a_link(link: str, tmp_path: Path, outside: Path) -> None:
    root = tmp_path / "project"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside)
    with pytest.raises(InputError) as caught:
        write_layout(*small_image(tmp_path), root / "dist" / "job", root)

    assert untouched(outside)
    assert str(caught.value) == f"{link}: {NOT_FOLLOWED}\nhint: replace it by what it names"


def test_output_that_a_user_names_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").symlink_to(tmp_path / "disk")
    write_layout(*small_image(tmp_path), tmp_path / "here" / "job")

    assert (tmp_path / "disk" / "job" / "oci-layout").is_file()


def test_folder_of_locks_that_a_user_names_may_be_a_link(locked: Project, tmp_path: Path) -> None:
    (locked.root / "lockfiles").rename(tmp_path / "locks")
    (locked.root / "elsewhere").symlink_to(tmp_path / "locks")
    (tmp_path / "minimal.py").write_text(script_of("minimal"))
    result = locked.run("fetch", "minimal", "--offline", "--lockfiles", "elsewhere")

    assert "not fetched: `--offline` is set" in result.err
    assert (tmp_path / "locks" / FOLDER).is_dir()


@pytest.mark.parametrize("script", ["../../secret.py", "/secret.py", "sub/../../secret.py", "minimal.py/.."])
def test_lock_names_no_script_outside_the_project(script: str, locked: Project) -> None:
    (locked.root.parent / "secret.py").write_text("# /// script\n# dependencies = ['secret']\n# ///\n")
    lock = locked.root / "lockfiles" / "minimal" / "pylock.toml"
    lock.write_text(lock.read_text().replace("from minimal.py.", f"from {script}."))
    result = locked.run("fetch", "minimal", "--offline")

    assert result.err == (
        "error: lockfiles/minimal/pylock.toml: names a script that is not in the project\n"
        "hint: run `onedigest generate SCRIPT`\n"
    )


@pytest.mark.parametrize("name", ["../outside", "a\nb"])
def test_name_of_an_image_is_one_plain_name(name: str, locked: Project) -> None:
    result = locked.run("fetch", name, "--offline")

    assert result.err.startswith("error: lockfiles: there is no image `")
    assert result.err.endswith("`\nhint: the images are minimal\n")


@pytest.mark.parametrize("name", ["/etc", "lockfiles/minimal", ".", ".."])
def test_folder_is_a_project_and_no_image(name: str, locked: Project) -> None:
    result = locked.run("fetch", name, "--offline")

    assert result.err == (
        f"error: {name}: the folder has no pyproject.toml\nhint: name a script, or a folder that has a pyproject.toml\n"
    )


def test_script_is_not_read_through_a_link_that_leaves_the_project(locked: Project, outside: Path) -> None:
    (outside / "secret.py").write_text(script_of("minimal"))
    (locked.root / "job.py").symlink_to(outside / "secret.py")
    (locked.root / "sub").symlink_to(outside)
    named = [locked.run("generate", "--check", name) for name in ("job.py", "sub/secret.py")]
    locked.write("onedigest.toml", 'scripts = ["j*.py"]\n')
    found = locked.run("generate", "--check", "--all")
    locked.write(
        "lockfiles/minimal/pylock.toml",
        "# Generated by onedigest from job.py. Do not edit: run `onedigest generate`.\n",
    )
    stated = locked.run("fetch", "minimal")

    assert [result.code for result in (*named, found, stated)] == [1, 1, 1, 1]
    for result, path in zip(named, ("job.py", "sub/secret.py"), strict=True):
        assert result.err.startswith(f"error: {path}: is a link that leaves the project\n")
    assert found.err.startswith(
        "error: onedigest.toml:1: `scripts` matches 'job.py', a link to a file outside the project\n"
    )
    assert stated.err.startswith("error: lockfiles/minimal/pylock.toml: names a script that is not in the project\n")
    assert not (outside / "lockfiles").exists()


def test_links_of_honest_people_are_followed(locked: Project, tmp_path: Path) -> None:
    missing = "there is no lock"
    locked.script("tools/real.py", "dependencies = []")
    (locked.root / "job.py").symlink_to("tools/real.py")
    inside = locked.run("generate", "--check", "job.py")

    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "real.py").write_text(script_of("minimal"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mine.py").symlink_to(alone / "real.py")
    (tmp_path / "way").symlink_to(alone)
    results = [locked.run("generate", "--check", str(tmp_path / name)) for name in ("way/real.py", "bin/mine.py")]

    assert [missing in result.err for result in (inside, *results)] == [True, True, True]


def test_what_is_there_is_still_linked(tmp_path: Path) -> None:
    store, inputs = Store(tmp_path / "store"), tmp_path / "lockfiles" / FOLDER
    for _ in range(2):
        assert link_cached(store, inputs, Inputs()).count() == 0
        place_assemblers(store, inputs, [zipapp.newest()])
    assert [path.name.partition("-")[0] for path in inputs.iterdir()] == ["assemble"]


@pytest.mark.parametrize("name", ["pylock.toml", "image.toml", "Dockerfile"])
def test_folder_in_the_place_of_a_file_is_told_by_its_path(name: str, tmp_path: Path) -> None:
    """It said `Is a directory`, and not of what."""
    (tmp_path / "lockfiles" / "app" / name).mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read: Is a directory") as caught:
        rule_files.read(tmp_path / "lockfiles" / "app" / name)
    assert caught.value.problems[0].where == str(tmp_path / "lockfiles" / "app" / name)


def test_folder_in_the_place_of_an_input_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "lockfiles" / ".inputs" / "a.whl").mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder, where a file is to be"):
        store.place(store.add(b"wheel"), 5, tmp_path / "lockfiles" / ".inputs" / "a.whl")
