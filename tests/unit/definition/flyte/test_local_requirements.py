"""Requirements that are places get the name of their project, and paths that are the same on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.flyte.local_requirements import LocalFolders
from onedigest.errors import InputError


@pytest.fixture
def around(tmp_path: Path) -> LocalFolders:
    """A repository with a project in it, whose script is in a folder `jobs`."""
    root = tmp_path / "repo"
    for folder, text in (
        ("", '[project]\nname = "My_App"\n'),
        ("libs/near", '[project]\nname = "near"\n'),
        ("libs/bare", "[tool.x]\n"),
        ("libs/old", None),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        if text is not None:
            (root / folder / "pyproject.toml").write_text(text)
    (root / "jobs").mkdir()
    return LocalFolders(root=root, folder=root / "jobs")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attrs>=22 ; python_version > '3'", 'attrs>=22; python_version > "3"'),
        ("-e .", "my-app @ .."),
        ("--editable=.", "my-app @ .."),
        (".[fast,slow]", "my-app[fast,slow] @ .."),
        ("./libs/near", "near @ ../libs/near"),
        ("libs/near/", "near @ ../libs/near"),
        ('-e "./libs/near"', "near @ ../libs/near"),
        ("./libs/near ; sys_platform == 'linux'", 'near @ ../libs/near ; sys_platform == "linux"'),
        ("file:./libs/near", "near @ ../libs/near"),
        ("file://ROOT/libs/near", "near @ ../libs/near"),
        ("near @ file://ROOT/libs/near", "near @ ../libs/near"),
        ("near[x]@file:libs/near#subdirectory=a", "near[x] @ ../libs/near#subdirectory=a"),
        ("near @ libs/near", "near @ ../libs/near"),
        ("old @ libs/old", "old @ ../libs/old"),
        ("jobs/in", "jobs/in: is no folder"),
        ("./jobs/A_b-1.0-py3-none-any.whl", "a-b @ ./A_b-1.0-py3-none-any.whl"),
        ("./dist/a_b-1.0.tar.gz", "a-b @ ../dist/a_b-1.0.tar.gz"),
        ("https://h.example/a_b-1.0-py3-none-any.whl", "a-b @ https://h.example/a_b-1.0-py3-none-any.whl"),
        ("https://h.example/a_b-1.0.tar.gz", "a-b @ https://h.example/a_b-1.0.tar.gz"),
        ("-e git+https://h.example/o/x.git@v1#egg=y", "y @ git+https://h.example/o/x.git@v1"),
        (
            "git+https://h.example/o/x#egg=y&subdirectory=a/b",
            "y @ git+https://h.example/o/x#subdirectory=a/b",
        ),
    ],
)
def test_place_has_the_name_of_its_project(text: str, expected: str, around: LocalFolders) -> None:
    try:
        found = around.named(text.replace("ROOT", str(around.root)), around.root, "job.py:3")
    except InputError as error:
        found = str(error).partition("\n")[0].removeprefix("job.py:3: ").replace("'", "").replace(" is", ": is")

    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a b",
            "'a b' is not a requirement: Expected semicolon (after name with no version specifier) or end\n"
            "hint: name a package as `name==1.2`, or a wheel as `name @ URL`",
        ),
        (
            "git+https://h.example/o/tool.git@v1",
            "'git+https://h.example/o/tool.git@v1' names no project\n"
            "hint: write the name of its project before it: `tool @ git+https://h.example/o/tool.git@v1`",
        ),
        (
            "git@h.example:o/x.git",
            "'git@h.example:o/x.git' names no project\n"
            "hint: write the name of its project before it: `x @ git+ssh://git@h.example/o/x.git`",
        ),
        (
            "./.whl",
            "'./.whl' is not a requirement: Expected package name at the start of dependency specifier\n"
            "hint: name a package as `name==1.2`, or a wheel as `name @ URL`",
        ),
        ("../elsewhere", "'../elsewhere' is not below repo, the folder that holds the locks\nhint: move it there"),
        ("./libs/none", "'./libs/none' is no folder\nhint: correct the path"),
        (
            "./libs/old",
            "'./libs/old' has no pyproject.toml, which names the project\n"
            "hint: write the project's name before it, as `NAME @ ./libs/old`",
        ),
        (
            "./libs/bare",
            "the pyproject.toml of './libs/bare' names no project\n"
            "hint: write `name` in its [project], or the name before the place, as `NAME @ ./libs/bare`",
        ),
    ],
)
def test_place_without_a_name(text: str, expected: str, around: LocalFolders) -> None:
    with pytest.raises(InputError) as caught:
        around.named(text, around.root, "job.py:3")

    assert str(caught.value) == f"job.py:3: {expected}"


def test_link_that_leaves_is_not_followed(around: LocalFolders, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pyproject.toml").write_text('[project]\nname = "out"\n')
    (around.root / "link").symlink_to(tmp_path / "out")

    with pytest.raises(InputError, match=r"'\./link' is not below repo"):
        around.named("./link", around.root, "job.py:3")


@pytest.mark.parametrize("text", ["-e", "@", "x @", "./" + "a" * 9000, "file://%zz", "[", "a/b@c:d", "\0/x", "./\0"])
def test_odd_text_is_a_refusal(text: str, around: LocalFolders) -> None:
    with pytest.raises(InputError):
        around.named(text, around.root, "job.py:3")
