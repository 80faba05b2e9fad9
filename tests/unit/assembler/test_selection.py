"""The assembler selects the files of an application, and lists them for engines that hand them on one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from onedigest import zipapp
from onedigest.assembler.__main__ import main
from onedigest.assembler.selection import Selection, select
from onedigest.definition.files import digest_file


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def targets(root: Path, selection: Selection) -> list[str]:
    found = select(root, selection)
    assert found.problems == ()
    return [each.target for each in found.files]


SELECTION = Selection(
    folder="jobs",
    script="a b.py",
    files=("-x/*.csv", "*.sql"),
    copies=(("lib", "../lib"), ("y", "=z")),
    ignore_file="../.dockerignore",
)


def test_words_for_the_assembler_are_rows_that_no_value_breaks() -> None:
    assert SELECTION.arguments() == (
        ("--folder=jobs",),
        ("--script=a b.py",),
        ("--files=-x/*.csv",),
        ("--files=*.sql",),
        ("--copy=lib=../lib",),
        ("--copy=y==z",),
        ("--ignore-file=../.dockerignore",),
    )
    assert replace(SELECTION, ignore_in_copies=True).arguments()[-1] == ("--ignore-in-copies",)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root, "jobs/a b.py", "jobs/-x/one.csv", "jobs/q.sql", "lib/run.sh", "lib/x.log", "jobs/=z")
    (root / "jobs" / "a b.py").write_bytes(b"\xef\xbb\xbfprint()\r\n")
    (root / "lib" / "run.sh").chmod(0o755)
    (root / ".dockerignore").write_text("**/*.log\n")
    return root


def test_a_list_of_files_gives_the_layer_of_the_tree(project: Path, tmp_path: Path) -> None:
    """Bazel hands on links beside the list; whatever their modes are, the list says which are programs."""
    words = [word for row in SELECTION.arguments() for word in row]
    listing = project / "listing.json"
    assert main(["select", "--project", str(project), *words, "--output", str(listing)]) == 0
    assert json.loads(listing.read_text()) == [
        {"target": "-x/one.csv", "path": "jobs/-x/one.csv", "role": "plain"},
        {"target": "a b.py", "path": "jobs/a b.py", "role": "script"},
        {"target": "lib/run.sh", "path": "lib/run.sh", "role": "program"},
        {"target": "q.sql", "path": "jobs/q.sql", "role": "plain"},
        {"target": "y", "path": "jobs/=z", "role": "plain"},
    ]
    (project / "lib" / "run.sh").chmod(0o600)
    for name, source in (("tree", ["--project", str(project), *words]), ("list", ["--listing", str(listing)])):
        (project / "lib" / "run.sh").chmod(0o755 if name == "tree" else 0o600)
        assert main(["application", *source, "--quiet", "--output", str(tmp_path / name)]) == 0

    assert (tmp_path / "tree").read_bytes() == (tmp_path / "list").read_bytes()


def test_absolute_places_and_rules_about_each_folder_reach_the_assembler(project: Path, tmp_path: Path) -> None:
    write(project, "lib/in/z", "lib/y")
    (project / ".dockerignore").write_text("*.log\nin\n!lib/y\n")
    selection = Selection(copies=(("/root", "lib"),), ignore_file=".dockerignore")
    every = replace(selection, ignore_in_copies=True)

    assert [each.target for each in select(project, selection).files] == [
        "/root/in/z", "/root/run.sh", "/root/x.log", "/root/y",
    ]  # fmt: skip
    assert [each.target for each in select(project, every).files] == ["/root/run.sh", "/root/y"]
    words = ["--project", str(project), *(word for row in every.arguments() for word in row), "--owner=7:8"]
    known = ["--known=/root=0700:7:8"]
    assert main(["application", *words, *known, "--tar", "--quiet", "--output", str(tmp_path / "tar")]) == 0
    listing = project / "listing.json"
    assert main(["select", *words[:-1], "--output", str(listing)]) == 0
    listed = [
        "--listing",
        str(listing),
        "--owner=7:8",
        *known,
        "--tar",
        "--quiet",
        "--output",
        str(tmp_path / "listed"),
    ]
    assert main(["application", *listed]) == 0
    assert (tmp_path / "listed").read_bytes() == (tmp_path / "tar").read_bytes()
    with tarfile.open(tmp_path / "tar") as found:
        assert [(each.name, each.mode, each.uid) for each in found] == [
            ("root", 0o700, 7), ("root/run.sh", 0o755, 7), ("root/y", 0o644, 7),
        ]  # fmt: skip


def test_what_is_wrong_is_said_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "jobs/.env")
    words = ["--folder=jobs", "--files=none", "--copy=x=../nothing", "--files=.env*"]

    assert main(["select", "--project", str(project), *words]) == 1
    assert capsys.readouterr() == (
        "",
        "refused: `files` pattern 'none' matches nothing\n"
        "`files` pattern '.env*' matches only what may hold credentials, such as '.env'\n"
        "hint: to have such a file in the image, name it itself, without a pattern\n"
        "`copy` names '../nothing', where there is no file [application]\n",
    )


def test_what_is_left_out_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "lib/.env")

    assert main(["select", "--project", str(project), "--copy=lib=lib"]) == 0
    assert capsys.readouterr().err.startswith("warning: `copy` of 'lib' has 'lib/.env', which may hold credentials")


def test_the_tree_tells_what_the_words_do_not(project: Path) -> None:
    (project / "jobs" / "link.sql").symlink_to("q.sql")
    found = select(project, SELECTION).selection

    assert found.ignored == ((False, "**/*.log"),)
    assert found.reached == (
        ".dockerignore", "jobs/-x/one.csv", "jobs/=z", "jobs/a b.py", "jobs/link.sql", "jobs/q.sql", "lib/run.sh",
    )  # fmt: skip


def test_a_folder_that_is_copied_through_a_link_is_known_by_both_names(project: Path) -> None:
    (project / "jobs" / "lib").symlink_to("../lib")
    found = select(project, Selection(folder="jobs", copies=(("lib", "lib"),))).selection

    assert found.linked == (("jobs/lib", "lib"),)
    assert found.reached == ("jobs/lib", "lib/run.sh", "lib/x.log")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**/*", ["x.py"]),
        ("*", ["x.py"]),
        ("pkg/**", ["pkg/x.py"]),
        ("pkg", ["pkg/x.py"]),
        ("**/*.pyc", ["__pycache__/x.pyc", "m.pyc", "pkg/__pycache__/y.pyc"]),
        ("m.pyc", ["m.pyc"]),
        ("__pycache__/*", ["__pycache__/x.pyc"]),
        ("out/layout/*", ["out/layout/index.json", "out/layout/oci-layout"]),
        ("locks/hello/pylock.toml", ["locks/hello/pylock.toml"]),
    ],
)
def test_patterns_bring_what_nobody_wrote_only_where_they_name_it(
    pattern: str, expected: list[str], tmp_path: Path
) -> None:
    write(tmp_path, "x.py", "m.pyc", "__pycache__/x.pyc", "pkg/__pycache__/y.pyc", "out/layout/oci-layout")
    write(tmp_path, "out/layout/index.json", "locks/hello/pylock.toml", "made/locks/hello/image.toml")
    (tmp_path / "locks" / ".gitignore").write_text("# Generated by onedigest. Do not edit\n/.inputs/\n")
    (tmp_path / "made" / "locks" / "onedigest.nix").write_text("")
    if pattern.startswith("pkg"):
        write(tmp_path, "pkg/x.py")

    assert targets(tmp_path, Selection(files=(pattern,))) == expected


def test_inputs_of_images_are_no_files_of_the_project(tmp_path: Path) -> None:
    """A builder sees them in the folder of locks, of which it sees nothing else."""
    write(tmp_path, "a.py", "lockfiles/.inputs/assemble-0123456789ab.pyz", "lockfiles/.inputs/x.whl", "data/.inputs/x")

    assert targets(tmp_path, Selection(copies=((".", "."),))) == ["a.py", "data/.inputs/x"]
    assert targets(tmp_path, Selection(files=("**/*",))) == ["a.py", "data/.inputs/x"]


def test_an_ignore_mark_that_is_a_pipe_does_not_hang(tmp_path: Path) -> None:
    write(tmp_path, "lib/a.py")
    os.mkfifo(tmp_path / "lib" / ".gitignore")

    assert targets(tmp_path, Selection(copies=((".", "."),))) == ["lib/a.py"]


def test_the_zipapp_selects(project: Path, tmp_path: Path) -> None:
    assembler = tmp_path / "assemble.pyz"
    assembler.write_bytes(zipapp.pack())
    command = [sys.executable, "-I", str(assembler), "select", "--project", str(project), "--files=lib/*.sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [{"target": "lib/run.sh", "path": "lib/run.sh", "role": "program"}]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o755, 0o744, 0o700, 0o555, 0o641, 0o654, 0o611])
def test_a_file_is_executable_by_the_bit_of_its_owner_which_git_and_nix_keep(mode: int, tmp_path: Path) -> None:
    write(tmp_path, "lib/a")
    (tmp_path / "lib" / "a").chmod(mode)
    (file,) = select(tmp_path, Selection(copies=(("lib", "lib"),))).files
    _, executable = digest_file(tmp_path / "lib" / "a", tmp_path.resolve(), "a")

    assert file.role == ("program" if mode & 0o100 else "plain")
    assert executable == (file.role == "program"), "as the plan has it"
