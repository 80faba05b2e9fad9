"""Modules beside a script, as an import at its top finds them; nothing is run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from onedigest.definition.files import File
from onedigest.digest import of_bytes
from onedigest.missing.imports import missing_siblings, sibling_problem

TREE = {
    "helper.py": "",
    "deep/__init__.py": "from .inner import x\nimport other\n",
    "deep/inner.py": "from ..up import y\nfrom . import third\n",
    "deep/third.py": "",
    "other.py": "import helper\n",
    "data/values.json": "",
    "space/part/code.py": "",
    "top/code.py": "",
    "loop_a.py": "import loop_b\n",
    "loop_b.py": "import loop_a\n",
    "wrong.py": "import (\n",
    "yaml.py": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def patterns(folder: Path, code: str, *there: str) -> list[str]:
    files = [File(target=name, digest=of_bytes(b""), executable=False, content=folder / name) for name in there]
    return [each.pattern for each in missing_siblings(folder, "app.py", code.encode(), files, {"yaml"})]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import helper", ["helper.py"]),
        ("import os, helper as h", ["helper.py"]),
        ("from helper import x", ["helper.py"]),
        ("from . import helper", ["helper.py"]),
        ("from . import (\n    helper,\n)", ["helper.py"]),
        ("from .helper import x", ["helper.py"]),
        ("try:\n    import helper\nexcept ImportError:\n    helper = None", ["helper.py"]),
        ("try:\n    pass\nexcept ValueError:\n    import helper", ["helper.py"]),
        ("if True:\n    import helper", ["helper.py"]),
        ("with open('x'):\n    import helper", ["helper.py"]),
        ("class A:\n    import helper", ["helper.py"]),
        ("x = 1; import helper", ["helper.py"]),
        ("import os, \\\n    helper", ["helper.py"]),
        ("import deep", ["deep/**", "helper.py", "other.py"]),
        ("import deep.inner", ["deep/**", "helper.py", "other.py"]),
        ("import top.code", ["top/**"]),
        ("import space.part.code", ["space/**"]),
        ("import loop_a", ["loop_a.py", "loop_b.py"]),
        ("import wrong", ["wrong.py"]),
    ],
)
def test_module_beside_a_script(code: str, expected: list[str], folder: Path) -> None:
    assert patterns(folder, code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "import json, requests",
        "import yaml",
        "def f():\n    import helper",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper",
        "import typing\nif typing.TYPE_CHECKING:\n    import helper",
        "text = 'import helper'",
        "import data",
        "import helper (",
        "# import helper",
        "from .. import helper.x",
        "import " + "a." * 20_000 + "b",
        "\0import helper",
    ],
)
def test_what_is_no_module_beside_a_script(code: str, folder: Path) -> None:
    assert patterns(folder, code) == []


def test_what_an_image_has_is_not_missing(folder: Path) -> None:
    deep = ("deep/__init__.py", "deep/inner.py", "deep/third.py")
    assert patterns(folder, "import deep.inner, top.code", "helper.py", *deep, "top/code.py", "other.py") == []
    assert patterns(folder, "import deep.inner", "helper.py", *deep[:2], "other.py") == ["deep/**"]
    assert patterns(folder, "import helper, other", "other.py") == ["helper.py"]


@pytest.mark.parametrize("condition", ["+".join(["x"] * 900), "x" + ".a" * 700])
def test_long_conditions_are_no_recursion(condition: str, folder: Path) -> None:
    assert patterns(folder, f"if {condition}:\n    import helper\n") == ["helper.py"]


def test_very_many_imports_are_bounded(folder: Path) -> None:
    started = time.monotonic()
    patterns(folder, "import " + ", ".join(f"a{number}" for number in range(60_000)))
    patterns(folder, "import " + ".".join(["data"] * 3000))

    assert time.monotonic() - started < 10


def test_folder_that_is_a_project_is_to_be_a_source(tmp_path: Path) -> None:
    (tmp_path / "core" / "src" / "core").mkdir(parents=True)
    (tmp_path / "core" / "pyproject.toml").write_text('[project]\nname = "acme-core"\n')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pyproject.toml").write_text("[project\n")
    (tmp_path / "helper.py").write_text("")
    code = b"import broken\nimport core\nimport helper\n"
    found = missing_siblings(tmp_path, "app.py", code, [], {"yaml"})

    assert str(sibling_problem(found, ["data/**"], "jobs/app.py")) == (
        "jobs/app.py:2: `core`, `helper.py` are imported, and not in the image\n"
        'hint: write `files = ["data/**", "helper.py"]` in [tool.onedigest]; require `acme-core`,'
        ' and write `acme-core = { path = "core" }` in [tool.uv.sources]'
    )
    assert missing_siblings(tmp_path, "app.py", b"import core\n", [], {"core"}) == []
