"""What is wrong with wheels is told by every command that has them: early, all of it, and once."""

from __future__ import annotations

import json
import zipfile

import pytest

from locking import Locking
from wheel_builder import build_wheel, zip_bytes

pytest_plugins = ("built_app",)

SHARED = (
    "warning: app.py:3: the wheels of gamma 1.0 and kappa 1.0 both bring `same.py`, with different content;"
    " the image has that of kappa, whose name is the last\n"
    "hint: where one of them is enough, leave the other out\n"
)
UNFIT = (
    "app.py:3: bad-1.0-py3-none-any.whl: path 'bad/../x.py' has an empty, '.' or '..' component [name]\n"
    "hint: for another version of bad write `bad!=1.0` in place of `bad==1.0`\n",
    "app.py:3: worse-1.0-py3-none-any.whl: path 'worse/.wh.x' would be read as a whiteout [name]\n"
    "hint: for another version of worse write `worse!=1.0` in place of `worse`\n",
)
ERRORS = "".join(f"error: {each}" for each in UNFIT)


@pytest.fixture
def unfit(locking: Locking) -> Locking:
    """A locked script with two wheels of which no image can be made, and one that is right."""
    folder = locking.index.folder
    build_wheel(folder, "bad", "1.0", files={"bad/../x.py": b""})
    build_wheel(folder, "worse", "1.0", files={"worse/.wh.x": b""})
    build_wheel(folder, "right", "1.0")
    locking.ask("bad==1.0", "worse", "right")
    return locking


@pytest.fixture
def shared(locking: Locking) -> Locking:
    """A script with two wheels that bring one path."""
    for name in ("gamma", "kappa"):
        build_wheel(locking.index.folder, name, "1.0", files={"same.py": name.encode()})
    locking.ask("gamma", "kappa")
    return locking


def test_fetch_brings_everything_and_tells_all_that_is_unfit(unfit: Locking) -> None:
    unfit.ok("generate", "app.py")
    result = unfit.run("fetch", "app")

    assert (result.code, result.out) == (1, "")
    assert result.err.endswith(ERRORS)
    wheels = {path.name for path in (unfit.root / "lockfiles" / ".inputs").glob("*.whl")}
    assert {f"{name}-1.0-py3-none-any.whl" for name in ("bad", "worse", "right")} <= wheels


def test_build_tells_all_that_is_unfit(unfit: Locking) -> None:
    result = unfit.run("build", "app.py")

    assert (result.code, result.out) == (1, "")
    assert result.err.endswith(ERRORS)


def test_lock_is_written_and_says_what_is_unfit(unfit: Locking) -> None:
    unfit.ok("generate", "app.py")
    unfit.run("fetch", "app")
    before = unfit.read("lockfiles/app/pylock.toml")
    unfit.edit("app.py", "honest", "quite honest")

    result = unfit.ok("generate", "app.py")
    assert "".join(f"warning: {each}" for each in UNFIT) in result.err
    assert unfit.read("lockfiles/app/pylock.toml") == before
    assert "warning" not in unfit.run("build", "app").err, "the build says it"
    unfit.edit("app.py", "[tool.onedigest]", '[tool.onedigest]\n# labels = { "a" = "b" }')
    assert unfit.run("build", "app").err.count("bad-1.0-py3-none-any.whl") == 1
    strict = unfit.run("generate", "app.py", "--strict")
    assert strict.code == 1
    assert strict.err.endswith(ERRORS)


def test_content_that_is_not_that_of_record_is_told_for_all_layers(locking: Locking) -> None:
    """Two wheels that have a layer each; the digest in RECORD is well-formed, and of something else."""
    folder = locking.index.folder
    for name, tag in (("gamma", "py3-none-any"), ("kappa", "cp311-abi3-manylinux_2_17_x86_64")):
        with zipfile.ZipFile(build_wheel(folder, name, "1.0", tag=tag)) as archive:
            contents = {each: archive.read(each) for each in archive.namelist()}
        contents[f"{name}/__init__.py"] = contents[f"{name}/__init__.py"].upper()
        (folder / f"{name}-1.0-{tag}.whl").write_bytes(zip_bytes(contents))
    locking.edit("app.py", "# base", '# platforms = ["linux/amd64"]\n# base')
    locking.ask("gamma", "kappa")
    result = locking.run("build", "app.py")

    assert result.code == 1
    assert [line for line in result.err.splitlines() if line.startswith(("error", "hint"))] == [
        "error: app.py:3: kappa-1.0-cp311-abi3-manylinux_2_17_x86_64.whl: kappa/__init__.py: content does not match the"
        " hash in RECORD [hash]",
        "hint: for another version of kappa write `kappa!=1.0` in place of `kappa`",
        "error: app.py:3: gamma-1.0-py3-none-any.whl: gamma/__init__.py: content does not match the hash in RECORD [hash]",
        "hint: for another version of gamma write `gamma!=1.0` in place of `gamma`",
    ]


def test_shared_path_is_told_once_by_each_command(shared: Locking) -> None:
    assert "warning" not in shared.ok("generate", "app.py").err, "the wheels are not there"

    for command in (("fetch", "app"), ("generate", "app.py", "--strict"), ("build", "app"), ("build", "app")):
        assert shared.ok(*command).err.count("warning") == 1
        assert SHARED in shared.ok(*command).err
    assert shared.ok("build", "app", "--quiet").err == ""
    assert json.loads(shared.ok("build", "app", "--json").out)["images"][0]["made"] == []


def test_explanation_is_whole_where_more_is_asked_for(locking: Locking) -> None:
    folder = locking.index.folder
    for number in range(1, 9):
        build_wheel(folder, "gamma", f"{number}.0", requires=(f"alpha>={number + 1}",))
    locking.ask("gamma")

    short = locking.run("generate", "app.py").err
    whole = locking.run("generate", "app.py", "-v").err
    assert "earlier steps, which -v shows)\n" in short
    assert "-v shows" not in whole
    assert len(short.splitlines()) < len(whole.splitlines())
