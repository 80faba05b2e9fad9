"""Where a script says packages are: each form that uv reads, and what a wheel is built of then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onedigest.errors import InputError
from onedigest.from_source.model import Source
from onedigest.lock.package_sources import PackageSources, ScriptSurroundings

SHA = "a" * 64


@pytest.fixture
def around(tmp_path: Path) -> ScriptSurroundings:
    """A repository with a script in `jobs`, a workspace, and everything that may be built."""
    root = tmp_path / "repository"
    for name in ("jobs", "libs/core", "libs/other", "libs/left"):
        (root / name).mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "Top_Level"\n[tool.uv.workspace]\nmembers = ["libs/*"]\nexclude = ["libs/le*"]\n'
    )
    for name in ("core", "other", "left"):
        (root / "libs" / name / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    (root / "libs" / "core-1.0.tar.gz").write_bytes(b"archive")
    (root / "libs" / "a b").mkdir()
    names = ("core", "other", "top-level", "left", "gone")
    return ScriptSurroundings(script="jobs/a.py", folder=root / "jobs", root=root, build=frozenset(names))


def built(around: ScriptSurroundings, text: str) -> Source:
    places = PackageSources(around)
    places.requirement(f"core @ {text}")
    places.refuse()
    (source,) = places.sources
    return source


def refused(around: ScriptSurroundings, name: str, value: Any) -> str:
    places = PackageSources(around)
    list(places.needs(name, value, around.folder))
    with pytest.raises(InputError) as caught:
        places.refuse()
    return str(caught.value).removeprefix(f"jobs/a.py: `{name}` comes from ")


@pytest.mark.parametrize(
    ("text", "kind", "place", "reference", "subdirectory", "stated"),
    [
        ("../libs/core", "directory", "ROOT/libs/core", "", "", "../libs/core"),
        ("./../libs/core/", "directory", "ROOT/libs/core", "", "", "../libs/core"),
        ("file:../libs/core", "directory", "ROOT/libs/core", "", "", "../libs/core"),
        ("file://ROOT/libs/core", "directory", "ROOT/libs/core", "", "", "../libs/core"),
        ("file://localhostROOT/libs/a%20b", "directory", "ROOT/libs/a b", "", "", "../libs/a b"),
        ("ROOT/libs/core", "directory", "ROOT/libs/core", "", "", "../libs/core"),
        ("..", "directory", "ROOT", "", "", ".."),
        ("../libs/core-1.0.tar.gz", "archive", "ROOT/libs/core-1.0.tar.gz", "", "", "../libs/core-1.0.tar.gz"),
        ("git+https://git.example/core", "git", "https://git.example/core", "", "", "https://git.example/core"),
        ("git+https://git.example/core.git@v1.0", "git", "https://git.example/core.git", "v1.0", "",
         "https://git.example/core.git@v1.0"),
        ("git+https://git.example/core@feature/x#subdirectory=a/b&egg=core", "git", "https://git.example/core",
         "feature/x", "a/b", "https://git.example/core@feature/x"),
        ("git+ssh://git@git.example/a/core@main", "git", "ssh://git@git.example/a/core", "main", "",
         "ssh://git.example/a/core@main"),
        ("git+https://token@git.example/core@main", "git", "https://token@git.example/core", "main", "",
         "https://git.example/core@main"),
        ("git+file:///srv/core", "git", "file:///srv/core", "", "", "file:///srv/core"),
        (f"https://a.example/core-1.0.tar.gz#sha256={SHA}", "archive", "https://a.example/core-1.0.tar.gz", "", "",
         "https://a.example/core-1.0.tar.gz"),
        ("https://a.example/core/archive/main.zip#subdirectory=python", "archive",
         "https://a.example/core/archive/main.zip", "", "python", "https://a.example/core/archive/main.zip"),
    ],
)  # fmt: skip
def test_address_of_a_requirement(
    text: str, kind: str, place: str, reference: str, subdirectory: str, stated: str, around: ScriptSurroundings
) -> None:
    root = str(around.root)
    source = built(around, text.replace("ROOT", root))

    assert (source.kind, source.place) == (kind, place.replace("ROOT", root))
    assert (source.reference, source.subdirectory, source.stated) == (reference, subdirectory, stated)
    assert source.digest == (f"sha256:{SHA}" if "sha256" in text else "")


def test_address_as_ssh_has_it_is_shown_as_it_is_to_be_written(around: ScriptSurroundings) -> None:
    places = PackageSources(around)
    places.requirement("core @ git@git.example:acme/core.git")
    with pytest.raises(InputError) as caught:
        places.refuse()

    assert str(caught.value) == (
        "jobs/a.py: `core` comes from an address of ssh without its scheme\n"
        "hint: write `core @ git+ssh://git@git.example/acme/core.git`"
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("core", {"path": "../libs/core", "editable": True}, "ROOT/libs/core"),
        ("core", {"path": "../libs/core", "package": True}, "ROOT/libs/core"),
        ("Core", {"workspace": True}, "ROOT/libs/core"),
        ("other", {"workspace": True, "editable": False}, "ROOT/libs/other"),
        ("top.level", {"workspace": True}, "ROOT"),
        ("core", {"git": "https://git.example/core", "tag": "v1", "subdirectory": "./a/"}, "https://git.example/core@refs/tags/v1/a"),
        ("core", {"git": "https://git.example/core", "rev": "0" * 40}, f"https://git.example/core@{'0' * 40}/"),
        ("core", {"git": "git@git.example:acme/core.git", "branch": "x"}, "git@git.example:acme/core.git@refs/heads/x/"),
        ("core", {"url": "https://a.example/c.zip", "subdirectory": "a"}, "https://a.example/c.zip/a"),
    ],
)  # fmt: skip
def test_row_of_sources(name: str, value: dict[str, Any], expected: str, around: ScriptSurroundings) -> None:
    places = PackageSources(around)
    (need,) = places.needs(name, value, around.folder)
    places.refuse()

    assert need.source
    found = need.source
    place = f"{found.place}@{found.reference}/{found.subdirectory}" if found.kind == "git" else found.place
    place += f"/{found.subdirectory}" if found.kind == "archive" else ""
    assert place == expected.replace("ROOT", str(around.root))


def test_rows_with_markers(around: ScriptSurroundings) -> None:
    rows = [
        {"index": "own", "marker": "sys_platform == 'win32'"},
        {"path": "../libs/core", "marker": "sys_platform == 'linux'"},
        {"url": "https://a.example/core-1.0-py3-none-any.whl", "marker": "sys_platform == 'darwin'"},
    ]
    index, local, wheel = PackageSources(around).needs("core", rows, around.folder)

    assert (index.index, wheel.address) == ("own", "https://a.example/core-1.0-py3-none-any.whl")
    assert local.source
    assert [need.marker for need in (index, local, wheel)] == [row["marker"] for row in rows]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"workspace": True}, "the workspace in ., which has no such member"),
        ({"path": "../libs/core", "package": False},
         "a local project with `package = false`, which is not to be installed\n"
         "hint: leave it out, or write what the project needs into `dependencies`"),
        ({"git": "https://git.example/x", "lfs": True},
         "a git repository with `lfs = true`, and files of git LFS are not fetched"),
        ({"git": "https://git.example/x", "tag": "1", "branch": "2"},
         "a git repository with more than one of `rev`, `tag` and `branch`"),
        ({"git": "https://git.example/x", "subdirectory": "../up"},
         "a source whose `subdirectory` is not a folder below it"),
        ({"path": "../pyproject.toml"}, "../pyproject.toml, which is neither a project, a wheel nor an archive"),
        ({"path": "/etc"}, "../../../../../../etc, which is outside of the repository\n"
                           "hint: move it into the repository, or take it from git"),
        ({"url": f"https://a.example/x.tar.gz#sha256={SHA[:9]}"}, "an address whose sha256 is none"),
        ({"url": "file://other/x"}, "another machine's file"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed(value: dict[str, Any], expected: str, around: ScriptSurroundings) -> None:
    above = "/".join([".."] * (len(around.folder.parts) - 1))

    assert refused(around, "left", value) == expected.replace("../../../../../..", above)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("ftp://a.example/x", "the address of `left` is 'ftp://a.example/x', and git is asked by"),
        ("https://user:geheim@a.example:x/y", "the address of `left` cannot be read: 'https://****@a.example:x/y'"),
        ("--upload-pack=x", "the address of `left`"),
    ],
)
def test_address_that_git_is_not_asked_for(place: str, expected: str, around: ScriptSurroundings) -> None:
    said = refused(around, "left", {"git": place})

    assert said.startswith(f"jobs/a.py: {expected}")
    assert "geheim" not in said


def test_reference_that_is_an_option(around: ScriptSurroundings) -> None:
    said = refused(around, "left", {"git": "https://git.example/x", "rev": "--upload-pack=x"})

    assert said == "jobs/a.py: `left` names '--upload-pack=x', which is no name of git's"


def test_project_that_says_it_is_no_package(around: ScriptSurroundings) -> None:
    core = around.root / "libs" / "core" / "pyproject.toml"
    core.write_text('[project]\nname = "core"\n[tool.uv]\npackage = false\n')

    assert refused(around, "core", {"workspace": True}).startswith("a local project with `package = false`, which")
    assert refused(around, "core", {"path": "../libs/core"}).startswith("a local project with `package = false`, which")
    (need,) = PackageSources(around).needs("core", {"path": "../libs/core", "package": True}, around.folder)
    assert need.source


def test_nothing_is_built_where_a_script_says_so(around: ScriptSurroundings) -> None:
    places = PackageSources(
        ScriptSurroundings(script="a.py", folder=around.folder, root=around.root, settings={"no-build": True})
    )
    places.requirement("core @ ../libs/core")
    with pytest.raises(InputError) as caught:
        places.refuse()

    assert str(caught.value) == (
        "a.py: `core` comes from ../libs/core, and [tool.uv] has `no-build = true`\nhint: leave `no-build` out"
    )
