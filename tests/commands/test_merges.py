"""Conflict markers of a merge in every file that is checked in: told as what they are, and no pin is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from locking import Locking
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

EDIT = "hint: keep what is right of both sides, and remove the lines with the markers\n"


def conflict(locking: Locking, name: str, old: str, other: str, style: str = "merge") -> int:
    """Leave a conflict as git does where both sides changed a line; return the number of its first line."""
    base = locking.read(name)
    assert old in base
    line = next(each for each in base.splitlines(keepends=True) if old in each)
    folder = Path(locking.root.parent / "merge")
    folder.mkdir(exist_ok=True)
    texts = {"base": base.replace(line, ""), "ours": base, "theirs": base.replace(line, line.replace(old, other))}
    for each, text in texts.items():
        (folder / each).write_text(text)
    options = [] if style == "merge" else [f"--{style}"]
    command = ["git", "merge-file", "-p", *options, "ours", "base", "theirs"]
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    locking.project.write(name, text)
    return text[: text.index("<<<<<<<")].count("\n") + 1


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_record_counts_as_none(style: str, locking: Locking) -> None:
    before = locking.read("lockfiles/app/image.toml")
    line = conflict(locking, "lockfiles/app/image.toml", "index = ", "index =  ", style)
    where = f"lockfiles/app/image.toml:{line}"
    anew = f"{where}: has conflict markers of a merge\nhint: run `onedigest build app`, which writes it anew\n"

    result = locking.run("build", "--locked", "app")
    assert (result.code, result.err) == (
        3,
        f"error: {where}: --locked: has conflict markers of a merge\nhint: run `onedigest build` without --locked\n",
    )
    for command in (["verify", "app"], ["generate", "--check", "app.py"], ["generate", "--check", "--all"]):
        result = locking.run(*command)
        assert (result.code, result.out, result.err) == (3, "", f"error: {anew}")
    result = locking.ok("build", "app")
    assert result.err.startswith(f"{where}: has conflict markers of a merge, so it counts as no record\n")
    assert locking.read("lockfiles/app/image.toml") == before
    assert locking.ok("build", "--locked", "app").out == result.out


def test_record_that_cannot_be_read_is_named_by_a_check(locking: Locking) -> None:
    locking.edit("lockfiles/app/image.toml", "index = ", "Index = ")
    result = locking.run("generate", "--check", "app.py")

    assert result.code == 3
    assert result.err.splitlines()[-1] == ("hint: delete it, and run `onedigest build app`, which writes it anew")


def test_record_of_another_image_is_named_by_a_check(locking: Locking) -> None:
    locking.edit("lockfiles/app/image.toml", 'name = "app"', 'name = "job"')
    result = locking.run("generate", "--check", "--all")

    assert (result.code, result.err) == (
        3,
        "error: lockfiles/app/image.toml: is the record of another image, `job`\n"
        "hint: run `onedigest build app`, which writes it anew\n",
    )
    result = locking.run("build", "--locked", "app")
    assert (result.code, result.err) == (
        3,
        "error: lockfiles/app/image.toml: --locked: is the record of another image, `job`\n"
        "hint: run `onedigest build` without --locked\n",
    )
    said = "lockfiles/app/image.toml: is the record of another image, `job`, so it counts as no record\n"
    assert locking.ok("build", "app").err.startswith(said)
    locking.ok("generate", "--check", "--all")


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_lock_keeps_its_pins(style: str, locking: Locking) -> None:
    """Newer versions are there: a merge is no upgrade."""
    before = locking.read("lockfiles/app/pylock.toml")
    build_wheel(locking.index.folder, "alpha", "1.1")
    build_wheel(locking.index.folder, "beta", "2.0")
    line = conflict(locking, "lockfiles/app/pylock.toml", "# Content sha256:", "# Content  sha256:", style)
    conflict(locking, "lockfiles/app/pylock.toml", "spec-digest", "spec-digest ", style)
    where = f"lockfiles/app/pylock.toml:{line}"
    named = f"{where}: has conflict markers of a merge\nhint: run `onedigest generate app.py`\n"

    for command, code in (
        (["build", "app"], 1),
        (["build", "--locked", "app.py"], 1),
        (["fetch", "--all"], 1),
        (["verify", "app"], 1),
        (["graph", "app"], 1),
        (["generate", "--check", "app.py"], 3),
        (["generate", "--check", "--all"], 3),
    ):
        result = locking.run(*command)
        assert (result.code, result.out) == (code, "")
        assert result.err.startswith(f"error: {named}")
    result = locking.ok("generate", "--all")
    assert result.err.startswith(
        f"warning: {where}: has conflict markers of a merge; the pins that can be read are kept\napp: locked, "
    )
    assert "chosen anew" not in result.err
    assert locking.read("lockfiles/app/pylock.toml") == before
    locking.ok("generate", "--check", "--all")


def test_rules_beside_a_lock_with_markers_are_named_too(locking: Locking) -> None:
    conflict(locking, "lockfiles/app/pylock.toml", "# Content sha256:", "# Content  sha256:")
    line = conflict(locking, "lockfiles/app/Dockerfile", "# Content sha256:", "# Content  sha256:")
    result = locking.run("generate", "--check", "--all")

    assert result.code == 3
    assert f"error: lockfiles/app/Dockerfile:{line}: has conflict markers of a merge\n" in result.err
    assert "docker-bake.json" not in result.err
    locking.ok("generate", "--all")
    locking.ok("generate", "--check", "--all")


def test_first_side_has_the_say_and_what_is_chosen_anew_is_named(locking: Locking) -> None:
    build_wheel(locking.index.folder, "alpha", "1.1")
    build_wheel(locking.index.folder, "beta", "2.0")
    line = conflict(locking, "lockfiles/app/pylock.toml", 'version = "1.0"', 'version = "1.1"')
    assert line
    locking.edit("app.py", '["alpha"]', '["alpha", "beta"]')
    result = locking.ok("generate", "app.py")

    assert result.err.splitlines()[-1] == "  chosen anew: beta 2.0"
    assert 'name = "alpha"\nversion = "1.0"\n' in locking.read("lockfiles/app/pylock.toml")


def test_pins_that_the_sides_have_otherwise_are_named(locking: Locking) -> None:
    before = locking.read("lockfiles/app/pylock.toml")
    rows = ['version = "1.0"\n', 'version = "1.1"\n']
    both = f"<<<<<<< ours\n{rows[0]}=======\n{rows[1]}>>>>>>> theirs\n"
    locking.edit("lockfiles/app/pylock.toml", f'name = "alpha"\n{rows[0]}wheels', f'name = "alpha"\n{both}wheels')
    result = locking.ok("generate", "app.py")

    assert (
        "warning: lockfiles/app/pylock.toml: the sides of the merge differ, and the first one counts: alpha 1.0 (not 1.1)\n"
        "hint: to let one move, run `onedigest generate app.py --upgrade-package NAME`\n"
    ) in result.err
    assert locking.read("lockfiles/app/pylock.toml") == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 2", "format = 1", "an older release made the lock: `format = 1`, and onedigest 0.1.0 reads 2"),
        ("[[packages]]", "[[packages]", "not valid TOML: "),
        ("size = ", "size = '", "not valid TOML: "),
    ],
)
def test_lock_that_is_broken_or_of_another_format_keeps_its_pins(
    old: str, new: str, said: str, locking: Locking
) -> None:
    before = locking.read("lockfiles/app/pylock.toml")
    build_wheel(locking.index.folder, "alpha", "1.1")
    locking.edit("lockfiles/app/pylock.toml", old, new)
    result = locking.ok("generate", "app.py")

    assert f"warning: lockfiles/app/pylock.toml: {said}" in result.err
    if new == "[[packages]":
        assert "none of its pins" not in result.err
    else:
        assert "; the pins that can be read are kept\n" in result.err
        assert locking.read("lockfiles/app/pylock.toml") == before


def test_lock_of_a_newer_release_stays_in_a_conflict_too(locking: Locking) -> None:
    locking.edit("lockfiles/app/pylock.toml", "format = 2", "format = 9")
    conflict(locking, "lockfiles/app/pylock.toml", "spec-digest", "spec-digest ")
    before = locking.read("lockfiles/app/pylock.toml")
    result = locking.run("generate", "app.py")

    assert result.code == 1
    assert "a newer release made the lock: `format = 9`" in result.err or "layer-format" in result.err
    assert locking.read("lockfiles/app/pylock.toml") == before


def test_lock_of_a_newer_release_is_named_whatever_its_checksum_is_of(locking: Locking) -> None:
    locking.edit("lockfiles/app/pylock.toml", "format = 2", "format = 9")
    for command in (["build", "app"], ["build", "--locked", "app"], ["graph", "app"], ["generate", "--check", "--all"]):
        assert "lockfiles/app/pylock.toml: a newer release made the lock: `format = 9`" in locking.run(*command).err


@pytest.mark.parametrize("name", ["onedigest.toml", "pyproject.toml"])
def test_settings_of_a_project(name: str, locking: Locking) -> None:
    locking.project.write("pyproject.toml", "")
    (locking.root / "onedigest.toml").unlink()
    table = "[tool.onedigest]\n" if name == "pyproject.toml" else ""
    locking.project.write(name, f"{table}\n<<<<<<< HEAD\nuser = '1'\n=======\nuser = '2'\n>>>>>>> other\n")
    result = locking.run("build", "app")
    line = 3 if table else 2

    assert (result.code, result.err) == (1, f"error: {name}:{line}: has conflict markers of a merge\n{EDIT}")


@pytest.mark.parametrize("flyte", [False, True])
def test_script(flyte: bool, locking: Locking) -> None:
    conflict(locking, "app.py", '"alpha"', '"alpha>=1"')
    if flyte:
        locking.project.write("app.py", locking.read("app.py") + "import flyte\nflyte.Image.from_debian_base()\n")
    for command in (["build", "app"], ["generate", "app.py"], ["generate", "--check", "--all"]):
        result = locking.run(*command)
        assert (result.code, result.err) == (1, f"error: app.py:3: has conflict markers of a merge\n{EDIT}")


def test_script_may_have_the_markers_in_a_string(locking: Locking) -> None:
    text = 'TEXT = """\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n"""\n'
    locking.project.write("app.py", locking.read("app.py") + text)

    locking.ok("build", "app.py")


def test_generated_files_are_ours_with_markers_too(locking: Locking) -> None:
    names = [
        path.relative_to(locking.root).as_posix()
        for path in sorted((locking.root / "lockfiles").rglob("*"))
        if path.is_file() and ".inputs" not in path.parts and path.name not in ("image.toml", "docker-bake.json")
    ]
    before = {name: locking.read(name) for name in names}
    for name, text in before.items():
        first, *rest = text.splitlines(keepends=True)
        half = len(rest) // 2
        rest[half:half] = ["<<<<<<< HEAD\n", "x\n", "=======\n", "y\n", ">>>>>>> other\n"]
        locking.project.write(name, "".join([first, *rest]))
    result = locking.run("generate", "--check", "--all")
    assert result.code == 3
    found = {line.split(" ")[1].partition(":")[0] for line in result.err.splitlines() if "conflict markers" in line}
    assert found >= {name for name in names if not name.startswith("lockfiles/app/")} - {"lockfiles/BUILD.bazel"}
    locking.ok("generate", "--all")
    assert {name: locking.read(name) for name in names} == before
    for name in ("lockfiles/app/Dockerfile", "lockfiles/app/default.nix"):
        locking.project.write(name, f"<<<<<<< HEAD\n{before[name]}=======\n{before[name]}>>>>>>> other\n")
    result = locking.run("generate", "--check", "app.py")
    assert result.err.count(": has conflict markers of a merge\nhint: run `onedigest generate app.py`\n") == 2
    locking.ok("generate", "app.py")
    assert {name: locking.read(name) for name in names} == before


def test_conflict_in_the_bake_file_is_named(locking: Locking) -> None:
    locking.ok("generate", "app.py")
    conflict(locking, "lockfiles/docker-bake.json", '"tags"', '"tags" ')
    result = locking.run("generate", "--check", "--all")

    assert (result.code, result.err) == (
        3,
        "error: lockfiles/docker-bake.json: has conflict markers of a merge\nhint: run `onedigest generate --all`\n",
    )
    locking.ok("generate", "--all")
    locking.ok("generate", "--check", "--all")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("app/pylock.toml", "unset"),
        ("app/image.toml", "unset"),
        ("app/Dockerfile", "set"),
        ("app/BUILD.bazel", "set"),
        ("BUILD.bazel", "set"),
        ("docker-bake.json", "set"),
    ],
)
def test_code_hosts_collapse_rules_and_show_locks(name: str, state: str, locking: Locking) -> None:
    """GitHub, Gitea and Forgejo follow the first attribute, GitLab the second; the others are git's own."""
    locking.ok("generate", "app.py")
    subprocess.run(["git", "init", "-q", "."], cwd=locking.root, check=True)
    attributes = ["linguist-generated", "gitlab-generated", "diff", "merge", "eol"]
    command = ["git", "check-attr", *attributes, "--", f"lockfiles/{name}"]
    found = subprocess.run(command, cwd=locking.root, capture_output=True, text=True, check=True).stdout

    states = [line.rpartition(": ")[2] for line in found.splitlines()]
    assert states == [state, state, "unspecified", "unspecified", "lf"]
