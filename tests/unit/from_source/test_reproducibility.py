from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyproject_hooks
import pytest

from backend_projects import backend_project
from conftest import ROOT
from onedigest import digest
from onedigest.errors import InputError, Problem
from onedigest.from_source import sandbox
from onedigest.from_source.reproducibility import APART, build_twice
from onedigest.from_source.sandbox import Limits
from pythons import interpreters

QUICK = Limits(seconds=60)


def build(
    tmp_path: Path,
    body: str,
    files: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    limits: Limits = QUICK,
    apart: float = 0,
) -> Path:
    tree = backend_project(tmp_path / "project", body, files)
    heard: list[Problem] = []
    wheel = build_twice(tree, "", [], settings or {}, tmp_path / "scratch", heard.append, limits=limits, apart=apart)
    assert heard == sandbox.isolation_warning()
    return wheel


def refusal(tmp_path: Path, body: str, files: Mapping[str, str] | None = None, **options: Any) -> str:
    with pytest.raises(InputError) as raised:
        build(tmp_path, body, files, **options)
    text = str(raised.value)
    assert str(tmp_path) not in text
    return text


def content(wheel: Path, path: str) -> str:
    with zipfile.ZipFile(wheel) as file:
        return file.read(path).decode()


def test_a_wheel_is_a_function_of_its_source(tmp_path: Path) -> None:
    body = "return put(folder, {'demo/__init__.py': open('text').read()})"

    first = build(tmp_path / "a", body, {"text": "X = 1\n"})
    second = build(tmp_path / "b" / "c", body, {"text": "X = 1\n"})

    assert first.name == "demo-1.0-py3-none-any.whl"
    assert digest.of_file(first) == digest.of_file(second)
    assert sorted(each.name for each in (tmp_path / "a" / "scratch").iterdir()) == ["another", "wheels"]


def test_what_the_canonical_form_takes_away_is_no_difference(tmp_path: Path) -> None:
    body = """\
files = {name: name for name in os.listdir("data")}  # in any order
put(folder, files)
path = os.path.join(folder, NAME)
os.chmod(path, 0o600 if os.environ["USER"] == "builder" else 0o644)
return NAME"""

    wheel = build(tmp_path, body, {f"data/{name}": "" for name in "abcdef"})

    with zipfile.ZipFile(wheel) as file:
        assert [each.filename for each in file.infolist()][:6] == list("abcdef")


DIFFERENCES = {
    "a clock": (
        "return put(folder, {'demo/built.py': f'A = 1\\nWHEN = {int(time.time())}\\n'})",
        r"two builds of the same source differ: `demo/built\.py`: line 2 is 'WHEN = \d+' and 'WHEN = \d+'; likely from a clock\n"
        r"hint: take the time from SOURCE_DATE_EPOCH, or leave it out",
    ),
    "a day": (
        "import datetime\nreturn put(folder, {'demo/built.py': f'{datetime.date.today()}'})",
        r".*line 1 is '\d{4}-\d\d-\d\d' and '\d{4}-\d\d-\d\d'; likely from a clock\n.*",
    ),
    "a path": (
        "return put(folder, {'demo/place.py': os.getcwd()})",
        r".*`demo/place\.py`: line 1 is '…/one/first-tree' and '…/another/and/deeper/the-second-tree'; likely from the folder it is built in\n"
        r"hint: write paths relative to the project",
    ),
    "random bytes": (
        "return put(folder, {'demo/key': os.urandom(16)})",
        r".*`demo/key`: (?:at byte|line) .*; likely from random bytes, or an object's address\n"
        r"hint: derive it from the source, or leave it out",
    ),
    "hash order": (
        "return put(folder, {'demo/names.py': '\\n'.join({'alpha', 'beta', 'gamma', 'delta', 'epsilon'})})",
        r".*likely from an order that is not fixed\nhint: sort what is written: sets, and folders, have no order",
    ),
    "the order of a folder": (
        """\
import glob, pathlib
names = [os.listdir("data"), glob.glob("data/*"), list(pathlib.Path("data").iterdir()), list(os.walk("data"))]
return put(folder, {f"demo/{number}.py": repr(each) for number, each in enumerate(names)})""",
        r".*`demo/0\.py`, and 3 more files: line 1 is .*; likely from the order in which a folder lists its files\n"
        r"hint: sort what os.listdir, os.scandir, glob or iterdir give",
    ),
    "who builds": (
        "import getpass\nreturn put(folder, {'demo/by.py': getpass.getuser()})",
        r".*line 1 is 'builder' and 'somebody'; likely from the user or the host\n"
        r"hint: leave out who builds, and on which machine",
    ),
    "the umask": (
        """\
open("tool", "w").close()
os.chmod("tool", 0o611 & ~os.umask(0))
with zipfile.ZipFile(os.path.join(folder, put(folder, {})), "a") as file:
    file.write("tool", "demo/tool")
return NAME""",
        r".*`demo/tool` may be run in one of the two alone; likely from the umask\n.*",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", DIFFERENCES, ids=str)
def test_what_differs_is_named_with_what_is_likely(tmp_path: Path, case: str) -> None:
    body, message = DIFFERENCES[case]
    apart = APART if "time.time()" in body else 0.0

    text = refusal(tmp_path, body, {f"data/{name}": "" for name in "abc"}, apart=apart)

    assert re.fullmatch(message, text), text


def test_variables_and_settings_reach_the_backend(tmp_path: Path) -> None:
    settings = {"variables": {"FLAVOUR": "mint", "HOME": "/root"}, "config-settings": {"--flag": ["a", "b"]}}
    body = "return put(folder, {'demo/x.py': f'{os.environ[\"FLAVOUR\"]} {config_settings}'})"

    assert content(build(tmp_path, body, settings=settings), "demo/x.py") == "mint {'--flag': ['a', 'b']}"


def test_a_variable_that_cannot_be_set_is_refused(tmp_path: Path) -> None:
    text = refusal(tmp_path, "return put(folder, {})", settings={"variables": {"A=B": "x"}})

    assert text == "the variable 'A=B' of `extra-build-variables` cannot be set"


def test_nothing_of_our_environment_reaches_the_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEX_TOKEN", "hunter2")
    body = "return put(folder, {'demo/x.py': '\\n'.join(sorted(set(os.environ) - {'PWD', 'OLDPWD', 'SHLVL', '_'}))})"

    names = content(build(tmp_path, body), "demo/x.py").split("\n")

    assert "SOURCE_DATE_EPOCH" in names
    assert "INDEX_TOKEN" not in names


def test_links_of_a_tree_stay_links(tmp_path: Path) -> None:
    tree = backend_project(tmp_path / "project", "return put(folder, {'demo/x': os.readlink('link')})")
    (tree / "link").symlink_to("making.py")

    wheel = build_twice(tree, "", [], {}, tmp_path / "scratch", lambda _: None, apart=0)

    assert content(wheel, "demo/x") == "making.py"


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    tree = backend_project(tmp_path / "project", "")
    os.mkfifo(tree / "pipe")

    with pytest.raises(InputError) as raised:
        build_twice(tree, "", [], {}, tmp_path / "scratch", lambda _: None, apart=0)

    assert str(raised.value) == "pipe: is neither a file nor a folder, so it is no source of a wheel"


def test_a_project_in_a_subdirectory_is_built_in_its_tree(tmp_path: Path) -> None:
    backend_project(
        tmp_path / "tree" / "packages" / "demo", "return put(folder, {'demo/x': open('../../VERSION').read()})"
    )
    (tmp_path / "tree" / "VERSION").write_text("7")

    wheel = build_twice(tmp_path / "tree", "packages/demo", [], {}, tmp_path / "s", lambda _: None, apart=0)

    assert content(wheel, "demo/x") == "7"


def test_a_source_distribution_of_another_version_is_refused(tmp_path: Path) -> None:
    text = refusal(
        tmp_path, "return put(folder, {})", {"PKG-INFO": "Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n"}
    )

    assert text == (
        "the source distribution is of demo 2.0 by its PKG-INFO, and its wheel is demo 1.0\n"
        "hint: the source is broken: take another version, or a wheel"
    )


PROGRAM = """\
import sys
from pathlib import Path
from onedigest import digest
from onedigest.from_source.reproducibility import build_twice

print(digest.of_file(build_twice(Path(sys.argv[1]), "", [], {}, Path(sys.argv[2]), print, apart=0)))
"""


@pytest.mark.slow
def test_every_python_makes_the_same_wheel(tmp_path: Path) -> None:
    body = """\
import pathlib
return put(folder, {f"demo/{path.name}": path.read_text() for path in set(pathlib.Path("data").iterdir())})"""
    tree = backend_project(tmp_path / "project", body, {f"data/{name}": name * 5000 for name in "abcdef"})
    packages = str(Path(pyproject_hooks.__file__).parent.parent)
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT / "generator"), packages])}

    own = digest.of_file(build_twice(tree, "", [], {}, tmp_path / "own", print, apart=0))

    others = [python for python in interpreters() if python != sys.executable]
    printed = {
        subprocess.run(
            [python, "-c", PROGRAM, tree, tmp_path / str(number)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number, python in enumerate(others)
    }

    assert printed | {f"{own}\n"} == {f"{own}\n"}
