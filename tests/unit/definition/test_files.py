"""Files of an application: what `copy` brings, what it leaves out, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.files import File, collect
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError


def collected(root: Path, *lines: str, said: list[str] | None = None) -> dict[str, File]:
    folder = root / "jobs"
    folder.mkdir(exist_ok=True)
    block = "".join(f"# {line}\n" for line in ("[tool.onedigest]", "include-script = false", *lines))
    script = parse(f"# /// script\n{block}# ///\n".encode(), "jobs/a.py")
    told: list[str] = [] if said is None else said
    spec = specify(script, Project(root=root), "jobs/a.py")
    return {file.target: file for file in collect(spec, script, folder, lambda problem: told.append(str(problem)))}


def refused(root: Path, *lines: str) -> str:
    with pytest.raises(InputError) as caught:
        collected(root, *lines)
    return str(caught.value)


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_files_and_folders_have_their_places(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "lib/deep/b.py", "jobs/c.txt", "one.txt")
    (tmp_path / "lib" / "a.py").chmod(0o700)
    found = collected(tmp_path, 'copy = { "pkg" = "../lib", "c.txt" = "c.txt", "x/two.txt" = "../one.txt" }')

    assert {target: (file.place, file.path) for target, file in found.items()} == {
        "c.txt": ("c.txt", ""),
        "pkg/a.py": ("../lib/a.py", "../lib/a.py"),
        "pkg/deep/b.py": ("../lib/deep/b.py", "../lib/deep/b.py"),
        "x/two.txt": ("../one.txt", "../one.txt"),
    }
    assert [target for target, file in found.items() if file.executable] == ["pkg/a.py"]


def test_files_have_absolute_places_and_may_have_several(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "lib/deep/b.py", "one.txt")
    copied = '"/opt/lib" = "../lib", "x" = "../lib/a.py", "/app/in/one" = "../one.txt", "/etc/one" = "../one.txt"'
    found = collected(tmp_path, f"copy = {{ {copied} }}")

    assert {target: file.path_in("/app") for target, file in found.items()} == {
        "/etc/one": "/etc/one",
        "/opt/lib/a.py": "/opt/lib/a.py",
        "/opt/lib/deep/b.py": "/opt/lib/deep/b.py",
        "in/one": "/app/in/one",
        "x": "/app/x",
    }
    assert found["/etc/one"].digest == found["in/one"].digest


def test_caches_of_this_machine_are_left_out_of_folders_and_said(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "lib/.venv/x.py", "lib/deep/node_modules/y.js", "lib/venv", "lib/py311/pyvenv.cfg")
    said: list[str] = []

    assert list(collected(tmp_path, 'copy = { "lib" = "../lib" }', said=said)) == ["lib/a.py", "lib/venv"]
    assert said == [
        "jobs/a.py:4: `copy` of '../lib' has '../lib/.venv' and 2 more, which programs made for this machine alone: left out\n"
        "hint: to have such a folder in the image, name it itself"
    ]
    assert list(collected(tmp_path, 'copy = { "v" = "../lib/.venv" }')) == ["v/x.py"]


def test_a_file_is_not_the_folder_of_the_application(tmp_path: Path) -> None:
    write(tmp_path, "jobs/a.csv", "one.txt")

    assert refused(tmp_path, 'copy = { "." = ["a.csv", "../one.txt"] }') == (
        "jobs/a.py:4: `copy` brings '../one.txt' to the application's folder, and not to a file in it\n"
        "hint: name the file that it becomes there\n"
        "jobs/a.py:4: `copy` brings 'a.csv' to the application's folder, and not to a file in it\n"
        "hint: name the file that it becomes there"
    )


def test_what_changes_by_itself_is_left_out_of_folders(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "lib/__pycache__/a.pyc", "lib/b.pyc", "lib/.git/HEAD", "lib/dist/oci-layout")
    write(tmp_path, "lib/locks/onedigest.nix", "lib/locks/x/pylock.toml")

    assert list(collected(tmp_path, 'copy = { "." = "../lib" }')) == ["a.py"]


def test_ignore_file_is_about_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "lib/b.log", "lib/deep/c.log", "lib/keep.log", "lib/data/x", "jobs/z.log")
    (tmp_path / ".dockerignore").write_text("# all logs\n**/*.log\n!lib/keep.log\nlib/data\n")
    lines = ('copy = { "lib" = "../lib", "z.log" = "z.log" }', 'ignore-file = "../.dockerignore"')

    assert list(collected(tmp_path, *lines)) == ["lib/a.py", "lib/keep.log", "z.log"]


def test_link_within_a_folder_is_followed_and_one_that_leaves_it_refused(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "out.txt")
    (tmp_path / "lib" / "b.py").symlink_to("a.py")

    assert collected(tmp_path, 'copy = { "lib" = "../lib" }')["lib/b.py"].links == ("../lib/a.py", "../lib/b.py")
    (tmp_path / "lib" / "c.txt").symlink_to("../out.txt")
    assert refused(tmp_path, 'copy = { "lib" = "../lib" }') == (
        "jobs/a.py:4: `copy` names '../lib/c.txt', a link that leads out of '../lib'"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('copy = { "x" = "../none" }', "jobs/a.py:4: `copy` names '../none', where there is no file"),
        (
            'copy = { "x" = ["../lib", "../other"] }',
            "jobs/a.py:4: `copy` brings '../lib/a.py' and '../other/a.py' to one place, x/a.py",
        ),
        (
            'copy = { "../x" = "../lib", "/x/" = "lib" }',
            "jobs/a.py:4: `copy` has the target '../x', which is no plain path, absolute or below the application's folder",
        ),
        (
            'copy = { "/x/" = "../lib" }',
            "jobs/a.py:4: `copy` has the target '/x/', which is no plain path, absolute or below the application's folder",
        ),
        (
            'copy = { "/x/../etc/y" = "../lib" }',
            "jobs/a.py:4: `copy` has the target '/x/../etc/y', which is no plain path, absolute or below the application's folder",
        ),
        (
            f'copy = {{ "{"/a" * 65}" = "../lib" }}',
            f"jobs/a.py:4: `copy` has the target '{'/a' * 65}', which has more than 64 folders",
        ),
        (
            'copy = { "/etc" = "../lib/a.py" }',
            "jobs/a.py:4: `copy` brings '../lib/a.py' to a wrong place: /etc is a folder of every system\n"
            "hint: name the file that it becomes there",
        ),
        (
            'copy = { "/" = "../rootfs" }',
            "jobs/a.py:4: `copy` brings '../rootfs/bin/tool' to a wrong place: /bin/tool is below a link\n"
            "hint: write /usr/bin/tool\n"
            "jobs/a.py:4: `copy` brings '../rootfs/sys/x' to a wrong place:"
            " /sys/x is in a file system of the kernel, which hides it in a container\nhint: choose another place",
        ),
        (
            'copy = { "x" = "/etc" }',
            "jobs/a.py:4: `copy` has the source '/etc', which is not a plain path from the script's folder",
        ),
        ('copy = { "x" = 1 }', "jobs/a.py:4: `copy` has neither a string nor a list of strings for 'x'"),
        ('ignore-file = "none"', "jobs/a.py:4: `ignore-file` names 'none', where there is no file"),
        (
            'own-workdir = true\n# workdir = "/"',
            "jobs/a.py:4: `own-workdir` cannot give `workdir` /, which is everybody's, to the user\nhint: set another `workdir`",
        ),
    ],
)
def test_what_is_refused(line: str, expected: str, tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py", "other/a.py", "rootfs/bin/tool", "rootfs/etc/x", "rootfs/sys/x")

    assert refused(tmp_path, line) == expected
