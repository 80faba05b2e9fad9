"""The lock of uv beside a script: its pins are the first ones, and a difference is said."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from uv import find_uv_bin

from base_images import TAG
from locking import Locking
from odd_index import OddIndex
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

PINNED, ASKED = 'dependencies = ["alpha==1.0", "beta==1.0"]', 'dependencies = ["alpha", "beta"]'
TAKEN = "app: pins taken from app.py.lock"
LOCK = "lockfiles/app/pylock.toml"


def uv(*arguments: str) -> str:
    """Run the real uv on the script; return what it prints."""
    options = ["--script", "app.py", "--python", sys.executable, "--no-python-downloads", "--no-config", "--quiet"]
    done = subprocess.run([find_uv_bin(), *arguments, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported() -> dict[str, str]:
    """Return the versions that uv would install by its lock."""
    text = uv("export", "--frozen", "--no-hashes", "--no-header", "--no-annotate")
    return dict(re.findall(r"(?m)^([a-z-]+)==([^ ;\n]+)(?: ; python_full_version >= '3.11')?$", text))


def versions(locking: Locking) -> dict[str, str]:
    """Return the versions that our lock has."""
    return {row["name"]: row["version"] for row in tomllib.loads(locking.read(LOCK))["packages"]}


@pytest.fixture
def pinned(locking: Locking) -> Locking:
    """A script without a lock of ours, and a lock of uv that pins old versions; the index has newer ones."""
    for name in ("alpha", "beta"):
        for version in ("1.0", "2.0"):
            build_wheel(locking.index.folder, name, version)
    locking.edit("app.py", 'dependencies = ["alpha"]', PINNED)
    uv("lock")
    locking.edit("app.py", PINNED, ASKED)
    uv("lock")
    shutil.rmtree(locking.root / "lockfiles")
    return locking


def test_first_lock_takes_the_pins_of_uv(pinned: Locking) -> None:
    said = pinned.ok("generate", "app.py").err

    assert said.count(TAKEN) == 1
    assert versions(pinned) == exported() == {"alpha": "1.0", "beta": "1.0"}
    assert "app.py.lock" not in pinned.ok("generate", "app.py").err
    assert pinned.ok("generate", "--check", "app.py").err == "1 lock checked\n"
    assert "app.py.lock" not in pinned.ok("generate", "app.py", "--upgrade-package", "beta").err
    assert pinned.ok("generate", "--check", "app.py").err == (
        "warning: app.py.lock: pins other versions than lockfiles/app has: beta 1.0 (not 2.0)\n"
        "hint: to take those of uv, delete the folder lockfiles/app and run `onedigest generate app.py`;"
        " to have uv choose anew, run `uv lock --script app.py --upgrade`\n"
        "1 lock checked\n"
    )
    uv("lock", "--upgrade-package", "beta")
    assert pinned.ok("generate", "--check", "app.py").err == "1 lock checked\n"


def test_what_is_to_move_is_not_taken(pinned: Locking) -> None:
    assert TAKEN in pinned.ok("generate", "app.py", "--upgrade-package", "beta").err
    assert versions(pinned) == {"alpha": "1.0", "beta": "2.0"}
    shutil.rmtree(pinned.root / "lockfiles")
    assert TAKEN not in pinned.ok("build", "app.py", "--output", "out", "--quiet").err
    assert versions(pinned) == {"alpha": "1.0", "beta": "1.0"}
    shutil.rmtree(pinned.root / "lockfiles")
    assert TAKEN not in pinned.ok("generate", "app.py", "--upgrade").err
    assert versions(pinned) == {"alpha": "2.0", "beta": "2.0"}


def test_forks_are_read_as_uv_has_them(locking: Locking) -> None:
    """Two versions of a package, each for some Pythons, and one for another system alone."""
    for version in ("1.0", "2.0", "3.0", "4.0"):
        build_wheel(locking.index.folder, "alpha", version)
        build_wheel(locking.index.folder, "gamma", version, requires=("alpha", "delta[fast]"))
        build_wheel(locking.index.folder, "delta", version, extras=("fast",), requires=("beta ; extra == 'fast'",))
    asked = '"alpha<4 ; python_version < \'3.11\'", "alpha ; python_version >= \'3.11\'", "gamma", "zeta ; sys_platform == \'win32\'"'
    older = asked.replace("alpha<4", "alpha<2").replace('"alpha ;', '"alpha<4,>2 ;').replace("gamma", "gamma==2.0")
    for name in ("beta", "zeta"):
        build_wheel(locking.index.folder, name, "1.0")
    locking.edit("app.py", ">=3.11", ">=3.10")
    locking.edit("app.py", 'dependencies = ["alpha"]', f'dependencies = [{older}, "delta<3"]')
    uv("lock")
    locking.edit("app.py", f'{older}, "delta<3"', asked)
    uv("lock")
    shutil.rmtree(locking.root / "lockfiles")

    assert locking.read("app.py.lock").count('name = "alpha"\nversion') == 2
    assert TAKEN in locking.ok("generate", "app.py").err
    found = versions(locking)
    assert found == {"alpha": "3.0", "beta": "1.0", "delta": "2.0", "gamma": "2.0"}
    assert {name: version for name, version in exported().items() if name != "zeta"} == found
    assert locking.ok("generate", "--check", "app.py").err == "1 lock checked\n"


def test_versions_for_other_pythons_do_not_count_where_a_day_is_named(locking: Locking) -> None:
    """uv takes its environments from the versions that are preferred, where `exclude-newer` is new to it."""
    for version in ("1.0", "2.0"):
        build_wheel(locking.index.folder, "alpha", version)
    locking.edit("app.py", ">=3.11", ">=3.10")
    locking.edit("app.py", '["alpha"]', """["alpha<2 ; python_version < '3.11'", "alpha ; python_version >= '3.11'"]""")
    locking.edit(
        "app.py", "# [tool.onedigest]", '# [tool.uv]\n# exclude-newer = "2100-01-01T00:00:00Z"\n# [tool.onedigest]'
    )
    shutil.rmtree(locking.root / "lockfiles")
    locking.ok("generate", "app.py")

    assert versions(locking) == {"alpha": "2.0"}
    locking.ok("fetch", "app.py")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_files_are_those_that_uv_pinned(pinned: Locking, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def state(path: object) -> dict[str, object]:
        return {"hashes": {algorithm: hashlib.new(algorithm, path.read_bytes()).hexdigest()}}  # type: ignore[attr-defined]

    index = OddIndex(pinned.index.folder, state)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.address)
    (pinned.root / "app.py.lock").unlink()
    pinned.edit("app.py", ASKED, PINNED)
    uv("lock")
    assert f'hash = "{algorithm}:' in pinned.read("app.py.lock")
    assert TAKEN in pinned.ok("generate", "app.py").err
    shutil.rmtree(pinned.root / "lockfiles")
    if algorithm == "sha512":
        monkeypatch.setenv("UV_DEFAULT_INDEX", pinned.index.address)  # which states sha256
        pinned.ok("generate", "app.py")
        shutil.rmtree(pinned.root / "lockfiles")
    build_wheel(pinned.index.folder, "alpha", "1.0", files={"alpha/__init__.py": b"x = 'another'\n"})

    assert pinned.run("generate", "app.py").err.splitlines()[1:] == [
        f"error: app.py.lock: `alpha-1.0-py3-none-any.whl` does not have the {algorithm} that is stated here",
        "hint: find out why it changed, before you run `uv lock --script`",
    ]


DEPENDENCIES = "is of other `dependencies` than app.py has now"
BROKEN = "cannot be read as a lock of uv: "


def test_lock_that_cannot_be_taken_is_said(pinned: Locking) -> None:
    """It is stale, broken, merged, or of another version; nothing of it is taken then, and no exit code moves."""
    build_wheel(pinned.index.folder, "beta", "2.0", extras=("x",))
    texts = {name: pinned.read(name) for name in ("app.py", "app.py.lock")}
    for file, old, new, expected in (
        ("app.py", '"beta"]', '"beta>1"]', DEPENDENCIES),
        ("app.py", '"beta"]', '"beta[x]"]', DEPENDENCIES),
        ("app.py", ', "beta"]', "]", DEPENDENCIES),
        ("app.py", ">=3.11", ">=3.11.1", "is of other `requires-python` than app.py has now"),
        ("app.py.lock", "version = 1", "version = 3", f"{BROKEN}its version is '3', and 1 is known"),
        ("app.py.lock", "[[package]]", "[[package]", "not valid TOML: "),
        ("app.py.lock", 'version = "1.0"', "version = 1", f"{BROKEN}is not a string"),
        ("app.py.lock", "[manifest]", "<<<<<<< a\n=======\n>>>>>>> b\n", "has conflict markers of a merge"),
    ):
        for name, text in texts.items():
            assert old in text or name != file
            pinned.project.write(name, text.replace(old, new, 1) if name == file else text)
        said = pinned.ok("generate", "app.py").err.partition("\n")[0]

        assert re.match(rf"warning: app\.py\.lock(:\d+)?: {re.escape(expected)}", said), said
        assert said.endswith("; none of its pins is taken")
        assert versions(pinned)["alpha"] == "2.0"
        if expected in (DEPENDENCIES, BROKEN):
            checked = pinned.ok("generate", "--check", "app.py").err.partition("\n")[0]
            assert checked == f"warning: app.py.lock: {expected}; it is not held against {LOCK}"
        shutil.rmtree(pinned.root / "lockfiles")


def test_link_is_not_followed(pinned: Locking) -> None:
    (pinned.root / "app.py.lock").rename(pinned.root / "other")
    (pinned.root / "app.py.lock").symlink_to("other")

    assert "a symbolic link is not followed; none of its pins is taken" in pinned.ok("generate", "app.py").err


def test_pins_that_do_not_fit_the_image_are_said(pinned: Locking) -> None:
    """uv locks for every machine, and takes a version that one of them has no wheel of."""
    (pinned.index.folder / "beta-1.0-py3-none-any.whl").unlink()
    build_wheel(pinned.index.folder, "beta", "1.0", tag=f"{TAG}-{TAG}-manylinux_2_17_x86_64")

    assert "warning: app.py.lock: pins other versions than lockfiles/app has: beta 1.0 (not 2.0)" in (
        pinned.ok("generate", "app.py").err
    )
