"""Locks whose scripts were deleted or renamed: named, passed over, removed when that is asked for, and their pins kept."""

from __future__ import annotations

import json
import shutil

import pytest

from locking import Locking
from onedigest.cli.options import open_context
from onedigest.workspace.images import find_images, with_siblings
from onedigest.workspace.leftovers import find_renamed
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

HINT = (
    "hint: run `onedigest generate --prune`, which removes it; if the script has another name now, generate that first,"
    " which keeps the pins\n"
)


def gone(name: str, script: str) -> str:
    return f"lockfiles/{name}/pylock.toml: its script {script} is gone\n{HINT}"


def add(locking: Locking, name: str, *edits: tuple[str, str]) -> None:
    """Lock a further script that asks for what `app.py` does, but for some edits."""
    text = locking.read("app.py")
    for old, new in edits:
        text = text.replace(old, new)
    locking.project.write(f"{name}.py", text)
    locking.ok("generate", f"{name}.py")


def test_all_goes_on_without_a_script_that_is_gone(locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    for command in (["generate", "--all"], ["build", "--all"], ["fetch", "--all"], ["build", "--locked", "--all"]):
        result = locking.ok(*command)
        assert result.err.startswith(f"warning: {gone('old', 'old.py')}app: ")
    assert locking.ok("generate", "--all", "-q").err == ""
    assert (locking.root / "lockfiles" / "old" / "pylock.toml").exists()


def test_all_names_it_where_a_project_lists_its_scripts(locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    locking.project.write("onedigest.toml", 'scripts = ["*.py"]\n' + locking.read("onedigest.toml"))

    assert locking.ok("generate", "--all").err.startswith(f"warning: {gone('old', 'old.py')}app: unchanged")


def test_a_script_that_is_gone_does_not_hide_what_is_wrong_with_another(locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    locking.edit("app.py", '["alpha"]', '["alpha>=7"]')
    result = locking.run("generate", "--all")

    assert result.code == 1
    assert result.err.startswith(f"warning: {gone('old', 'old.py')}error: ")


def test_image_by_the_name_of_its_lock(locking: Locking) -> None:
    (locking.root / "app.py").unlink()
    result = locking.run("build", "app")

    assert (result.code, result.err) == (1, f"error: {gone('app', 'app.py')}")


def test_check_names_it_and_removes_nothing(locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    for command in (["--check", "--all"], ["--check", "--prune"], ["--check", "--all", "--prune"]):
        result = locking.run("generate", *command)
        assert (result.code, result.err) == (3, f"error: {gone('old', 'old.py')}")
    assert locking.ok("generate", "--check", "app.py").err == "1 lock checked\n"
    assert (locking.root / "lockfiles" / "old" / "Dockerfile").exists()


def test_prune_removes_it_with_its_parts_of_shared_files(locking: Locking) -> None:
    add(locking, "old")
    shared = {name: locking.read(f"lockfiles/{name}") for name in ("docker-bake.json", "BUILD.bazel")}
    (locking.root / "old.py").unlink()
    result = locking.ok("generate", "--prune")

    assert result.err == "lockfiles/old: removed, since its script old.py is gone\n"
    assert not (locking.root / "lockfiles" / "old").exists()
    assert '"old"' in shared["docker-bake.json"]
    assert '"old"' not in locking.read("lockfiles/docker-bake.json")
    assert locking.ok("generate", "--check", "--all").err == "1 lock checked\n"
    assert json.loads(locking.ok("generate", "--prune", "--json").out) == {
        "format": 1,
        "warnings": [],
        "errors": [],
        "images": [],
        "pruned": [],
    }


def test_prune_leaves_what_somebody_else_wrote(locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    locking.project.write("lockfiles/old/notes.txt", "precious\n")
    locking.project.write("lockfiles/old/default.nix", "{ }\n")
    result = locking.ok("generate", "--all", "--prune", "--json")

    assert json.loads(result.out)["pruned"] == ["lockfiles/old"]
    assert result.err == (
        "warning: lockfiles/old/default.nix: is not a file of onedigest, and is left\n"
        "warning: lockfiles/old/notes.txt: is not a file of onedigest, and is left\n"
    )
    assert sorted(path.name for path in (locking.root / "lockfiles" / "old").iterdir()) == ["default.nix", "notes.txt"]


@pytest.mark.parametrize("link", ["lockfiles/old", "lockfiles/old/pylock.toml"])
def test_prune_follows_no_link(link: str, locking: Locking) -> None:
    add(locking, "old")
    (locking.root / "old.py").unlink()
    outside = locking.root.parent / "outside"
    shutil.move(locking.root / link, outside)
    (locking.root / link).symlink_to(outside)
    locking.run("generate", "--prune")

    assert outside.exists()
    assert outside.is_file() or (outside / "pylock.toml").exists()
    assert (locking.root / link).is_symlink()


def test_prune_removes_the_lock_of_an_image_that_has_another_name_now(locking: Locking) -> None:
    add(locking, "old")
    locking.edit("old.py", "# [tool.onedigest]", '# [tool.onedigest]\n# name = "new"')
    result = locking.ok("generate", "old.py", "--prune")

    assert result.err.splitlines()[-1] == "lockfiles/old: removed, since old.py has no image `old` any more"
    assert not (locking.root / "lockfiles" / "old").exists()
    assert (locking.root / "lockfiles" / "new").exists()
    assert (locking.root / "lockfiles" / "app").exists()


def test_nothing_is_pruned_of_scripts_that_are_there(locking: Locking) -> None:
    add(locking, "old")
    locking.project.write("old.py", "no block\n")

    assert locking.ok("generate", "--prune").err == ""
    assert locking.ok("generate", "--prune", "app.py").err.startswith("app: unchanged")
    assert (locking.root / "lockfiles" / "old" / "pylock.toml").exists()


def test_renamed_script_keeps_its_pins(locking: Locking) -> None:
    build_wheel(locking.index.folder, "alpha", "1.1")
    (locking.root / "jobs").mkdir()
    (locking.root / "app.py").rename(locking.root / "jobs" / "new.py")
    result = locking.ok("generate", "jobs/new.py")

    assert result.err.startswith("new: pins kept from lockfiles/app, whose script app.py is gone\nnew: locked, ")
    assert 'version = "1.0"\n' in locking.read("lockfiles/new/pylock.toml")
    assert locking.ok("generate", "jobs/new.py").err.startswith("new: unchanged, ")
    result = locking.ok("generate", "--all", "--prune")
    assert result.err.endswith("lockfiles/app: removed, since its script app.py is gone\n")
    locking.ok("generate", "--check", "--all")


def test_renamed_script_whose_image_keeps_its_name_keeps_its_pins(locking: Locking) -> None:
    build_wheel(locking.index.folder, "alpha", "1.1")
    (locking.root / "app.py").rename(locking.root / "new.py")
    locking.edit("new.py", "# [tool.onedigest]", '# [tool.onedigest]\n# name = "app"')
    locking.ok("generate", "new.py")

    assert 'version = "1.0"\n' in locking.read("lockfiles/app/pylock.toml")
    assert locking.ok("generate", "--check", "--all").err == "1 lock checked\n"


def test_several_scripts_that_are_gone_leave_no_doubt_about_pins(locking: Locking) -> None:
    """Two locks that pin the same are as good as one; where they differ, it is said."""
    add(locking, "old")
    (locking.root / "app.py").rename(locking.root / "new.py")
    (locking.root / "old.py").unlink()
    assert locking.ok("generate", "new.py").err.startswith("new: pins kept from lockfiles/app, ")
    shutil.rmtree(locking.root / "lockfiles" / "new")
    build_wheel(locking.index.folder, "alpha", "1.1")
    shutil.copy(locking.root / "new.py", locking.root / "old.py")
    locking.ok("generate", "old.py", "--upgrade")
    (locking.root / "old.py").unlink()
    result = locking.ok("generate", "new.py")

    assert result.err.startswith(
        "warning: new.py: several locks ask for the same, and no pin is kept: lockfiles/app, whose script app.py is"
        " gone; lockfiles/old, whose script old.py is gone\nnew: locked, "
    )
    assert 'version = "1.1"\n' in locking.read("lockfiles/new/pylock.toml")


def test_script_that_asks_for_something_else_is_no_renamed_one(locking: Locking) -> None:
    text = locking.read("app.py").replace("# [tool.onedigest]", "# [tool.onedigest]\n# user = '1'")
    (locking.root / "app.py").unlink()
    locking.project.write("new.py", text)

    assert "pins kept" not in locking.ok("generate", "new.py").err


def test_prune_knows_the_other_images_of_a_script(locking: Locking) -> None:
    """A name means one image of Flyte; the locks of the others are of images that are there."""
    image = "flyte.Image.from_debian_base(name={!r}, registry='r.example/acme', python_version=(3, 13))"
    lines = [f"{name} = flyte.TaskEnvironment({name!r}, image={image.format(name)})\n" for name in ("one", "two")]
    locking.project.write("tasks.py", f"import flyte\n{''.join(lines)}")
    for name in ("one", "two", "three"):
        lock = locking.read("lockfiles/app/pylock.toml").replace("from app.py.", "from tasks.py.")
        locking.project.write(f"lockfiles/{name}/pylock.toml", lock)
    session = open_context(
        lockfiles=None, offline=True, insecure=(), as_json=False, quiet=True, verbose=False, color="never"
    )
    images = find_images(session, ["one"], everything=False)
    found = find_renamed(session.lockfiles, with_siblings(session, images))

    assert [each.spec.name for each in images] == ["one"]
    assert [each.folder.name for each in found] == ["three"]
