"""Images whose sources are compiled: what is in them, what is left out, and the key that turns it off."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import uv_projects
from base_images import MINOR, TAG
from locking import Locking
from onedigest.oci.read import read_image
from wheel_builder import build_wheel

pytest_plugins = ("built_app", "locked_shop")

CACHED = f"cpython-{TAG.removeprefix('cp')}.pyc"
SITE = f"/opt/venv/lib/python{MINOR}/site-packages"


def layers(locking: Locking, name: str = "app") -> list[str]:
    """Return what the layers of an image hold that have bytecode."""
    image = read_image(locking.root / "dist" / name)
    return [layer.holds for layer in image.platforms[0].layers if layer.holds.startswith("bytecode ")]


def unpack(locking: Locking, target: Path, name: str = "app") -> Path:
    """Write the files of an image, but for those of its base; return the folder of its packages."""
    layout = locking.root / "dist" / name
    for layer in read_image(layout).platforms[0].layers:
        with tarfile.open(layout / "blobs" / "sha256" / layer.digest.partition(":")[2]) as archive:
            archive.extractall(target, filter="tar")
    return target / SITE[1:]


def python(code: str, *folders: Path) -> str:
    """Return what a fresh Python says that finds its modules in some folders."""
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def uncompiled(locking: Locking) -> dict[str, str]:
    """Return which files of the image have no bytecode, by their paths in its packages, and why."""
    document = json.loads(locking.ok("build", "--json", "app.py").out)
    return {each["path"].removeprefix(f"{SITE}/"): each["reason"] for each in document["images"][0]["uncompiled"]}


def test_what_is_imported_is_the_bytecode(locking: Locking, tmp_path: Path) -> None:
    """A module of a wheel and one of the application, whose sources are spoiled after they were compiled."""
    locking.project.write("tool/__init__.py", "from alpha import x\n")
    locking.edit("app.py", "# base", '# files = ["tool/*.py"]\n# base')
    locking.edit("app.py", "print('honest')", "import tool")
    locking.ok("build", "app.py")
    site = unpack(locking, tmp_path / "files")
    app = next((tmp_path / "files").rglob("tool/__init__.py"))
    for source in (site / "alpha" / "__init__.py", app):
        assert (source.parent / "__pycache__" / f"__init__.{CACHED}").is_file()
        source.write_text("raise SystemExit('this is the source')\n")

    assert layers(locking) == ["bytecode of alpha 1.0", "bytecode of app.py and further files in /app"]
    assert python("import alpha; print(alpha.x)", site) == "1"
    assert python("import tool; print(tool.x, tool.__file__)", app.parent.parent, site) == f"1 {app}"
    code = marshal.loads((app.parent / "__pycache__" / f"__init__.{CACHED}").read_bytes()[16:])
    assert code.co_filename == "/app/tool/__init__.py"


def test_script_alone_has_no_bytecode_of_its_own(locking: Locking) -> None:
    """It is what Python starts with, and Python never reads bytecode of that."""
    locking.ok("build", "app.py")

    assert layers(locking) == ["bytecode of alpha 1.0"]


def test_files_of_a_package_are_those_of_its_record(locking: Locking, tmp_path: Path) -> None:
    build_wheel(locking.index.folder, "beta", "1.0", entry_points="[console_scripts]\nbeta = beta:NAME\n")
    locking.ask("alpha", "beta")
    locking.ok("build", "app.py")
    site = unpack(locking, tmp_path / "files")
    code = (
        "import importlib.metadata as m;"
        "print(*(f for name in ('alpha', 'beta') for f in m.files(name) if not f.locate().exists()));"
        "print(*(f for name in ('alpha', 'beta') for f in m.files(name) if f.suffix == '.pyc'))"
    )

    assert python(code, site) == ""
    assert (site / "beta" / "__pycache__" / f"__init__.{CACHED}").is_file()


def test_bytecode_that_a_wheel_brings_is_made_anew(locking: Locking, tmp_path: Path) -> None:
    """It may be stale, and of any Python. That of a module without a source is no such file, and stays."""
    files = {
        "beta/__init__.py": b"x = 1\n",
        f"beta/__pycache__/__init__.{CACHED}": b"stale",
        "beta/other.py": b"y = 2\n",
        "beta/__pycache__/other.cpython-27.pyc": b"older",
        "beta/hidden.pyc": b"without a source",
    }
    build_wheel(locking.index.folder, "beta", "1.0", files=files)
    locking.ask("beta")
    locking.ok("build", "app.py")
    site = unpack(locking, tmp_path / "files")
    found = {path.name: path.read_bytes()[:4] for path in (site / "beta" / "__pycache__").iterdir()}

    assert found == dict.fromkeys((f"__init__.{CACHED}", f"other.{CACHED}"), importlib.util.MAGIC_NUMBER)
    assert (site / "beta" / "hidden.pyc").read_bytes() == b"without a source"
    code = "import importlib.metadata as m; print(*(f for f in m.files('beta') if not f.locate().exists()))"
    assert python(code, site) == ""


def test_sources_as_people_have_them(locking: Locking, tmp_path: Path) -> None:
    """What Python runs has bytecode, however it is written; what it does not run is left out, and stops nothing."""
    files = {
        "beta/__init__.py": b"",
        "beta/bom.py": b"\xef\xbb\xbfx = 1\n",
        "beta/carriage.py": b"if 1:\r\n    x = 1\r\n",
        "beta/cookie.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        "beta/feed.py": b"x = 1\n\x0c\ny = 2\n",
        "beta/unended.py": b"x = 1",
        "beta/warned.py": b"x = '\\d' is 1\n",
        "beta/my-script.py": b"x = 1\n",
        "beta/3rd.py": b"x = 1\n",
        "beta/\xc3\xa9t\xc3\xa9.py".encode("latin-1").decode(): b"x = 1\n",
        "beta/null.py": b"x = 1\0\n",
        "beta/old.py": b"print 'x'\n",
        "beta/tabs.py": b"if 1:\n\tx = 1\n        y = 2\n",
        "beta/unknown.py": b"# coding: klingon\n",
        "beta/wrong.py": b"x = '\xe9'\n",
        "beta/deep.py": b"(" * 3000 + b")" * 3000 + b"\n",
        "beta/return.py": b"return\n",
        "beta/large.py": b"x = [\n" + b"1234567,\n" * 1_200_000 + b"]\n",
    }
    build_wheel(locking.index.folder, "beta", "1.0", files=files, deflate=False)
    locking.ask("beta")
    found = uncompiled(locking)
    bad = {"null", "old", "tabs", "unknown", "wrong", "deep", "return", "large"}
    cache = unpack(locking, tmp_path / "files") / "beta" / "__pycache__"
    stems = {path.removeprefix("beta/").removesuffix(".py") for path in files}

    assert found.keys() == {f"beta/{each}.py" for each in bad}
    assert all(found.values())
    assert {path.name.removesuffix(f".{CACHED}") for path in cache.iterdir()} == stems - bad
    said = locking.ok("build", "-v", "app.py").err
    assert f"  no bytecode: {SITE}/beta/old.py: SyntaxError: Missing parentheses in call to 'print'" in said
    assert f"{SITE}/beta/large.py has no bytecode, and is compiled at every start" in said
    assert "Warning" not in said, "of the compiler, about the sources of others"
    code = "import beta.cookie, beta.feed, beta.bom, beta.carriage; print(ascii(beta.cookie.x), beta.feed.y)"
    assert python(code, cache.parent.parent) == r"'\xe9' 2"


@pytest.mark.parametrize(
    ("winner", "expected"), [(b"x = 'gamma'\n", "gamma"), (b"print 'gamma'\n", "SyntaxError")], ids=["newer", "older"]
)
def test_module_that_two_wheels_bring_is_that_of_the_last_one(
    winner: bytes, expected: str, locking: Locking, tmp_path: Path
) -> None:
    """Bytecode is of the source that is on top, also where that does not compile."""
    build_wheel(locking.index.folder, "beta", "1.0", files={"shared.py": b"x = 'beta'\n"})
    build_wheel(locking.index.folder, "gamma", "1.0", files={"shared.py": winner})
    locking.ask("beta", "gamma")
    locking.ok("build", "app.py")
    site = unpack(locking, tmp_path / "files")
    code = "try:\n import shared\n print(shared.x)\nexcept SyntaxError:\n print('SyntaxError')"

    assert python(code, site) == expected


def test_key_of_the_script_leaves_it_out(locking: Locking) -> None:
    before = locking.read("lockfiles/app/image.toml")
    locking.edit("app.py", "# base", "# bytecode = false\n# base")

    refused = locking.run("build", "--locked", "app.py")
    assert (refused.code, refused.err) == (
        1, "error: lockfiles/app/pylock.toml: app.py changed since it was locked\nhint: run `onedigest generate app.py`\n"
    )  # fmt: skip
    assert "app: `bytecode` changed since it was locked, so it is locked again" in locking.ok("build", "app.py").err
    assert layers(locking) == []
    assert locking.read("lockfiles/app/image.toml") != before
    locking.ok("build", "--locked", "app.py")

    locking.edit("app.py", "# bytecode = false\n", "# bytecode = true\n")
    locking.ok("build", "app.py")
    assert layers(locking) == ["bytecode of alpha 1.0"]
    locking.edit("app.py", "# bytecode = true\n", "")
    locking.ok("build", "app.py")
    assert locking.read("lockfiles/app/image.toml") == before
    locking.ok("build", "--locked", "app.py")


def test_key_of_the_repository_is_the_default_of_its_scripts(locking: Locking) -> None:
    locking.project.write("onedigest.toml", "bytecode = false\n")
    locking.ok("build", "app.py")
    assert layers(locking) == []

    locking.edit("app.py", "# base", "# bytecode = true\n# base")
    locking.ok("build", "app.py")
    assert layers(locking) == ["bytecode of alpha 1.0"]


def test_key_of_a_project(shop: Locking) -> None:
    shop.ok("build", ".")
    assert layers(shop, "shop")

    text = uv_projects.FILES["pyproject.toml"]
    shop.project.write("pyproject.toml", f"{text}\n[tool.onedigest]\nbytecode = false\n")
    shop.ok("build", ".")
    assert layers(shop, "shop") == []


@pytest.mark.parametrize("value", ['"false"', "0", "[]", "{ wheels = true }"])
def test_value_that_is_none(value: str, locking: Locking) -> None:
    locking.edit("app.py", "# base", f"# bytecode = {value}\n# base")
    result = locking.run("generate", "app.py")

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: app.py:5: `bytecode` ")


def test_key_by_another_name(locking: Locking) -> None:
    """What uv calls it."""
    locking.edit("app.py", "# base", "# compile-bytecode = false\n# base")

    assert locking.run("generate", "app.py").err == (
        "error: app.py:5: unknown key `compile-bytecode` in [tool.onedigest]\nhint: did you mean `bytecode`?\n"
    )
