"""What moves a lock, and what does not: unchanged scripts, edited ones, and the pins that stay."""

from __future__ import annotations

import json
import shutil

import pytest

from locking import Locking
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)


def test_unchanged_script_is_not_locked_again(locking: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
    before = locking.read("lockfiles/app/pylock.toml")
    locking.forbid_choosing(monkeypatch)
    assert locking.ok("generate", "app.py").err.startswith("app: unchanged, 1 package in 1 wheel on ")
    locking.edit("lockfiles/app/Dockerfile", "FROM", "FROM ")
    assert locking.ok("generate", "--all").err.startswith("app: rules written, 1 package in 1 wheel on ")
    assert locking.ok("generate", "--check", "--all").err == "1 lock checked\n"
    assert locking.read("lockfiles/app/pylock.toml") == before


@pytest.mark.parametrize("option", [["--upgrade"], ["--upgrade-package", "alpha"]])
def test_upgrade_chooses_anew(option: list[str], locking: Locking) -> None:
    build_wheel(locking.index.folder, "alpha", "1.1")
    assert locking.ok("generate", "app.py").err.startswith("app: unchanged, ")
    result = locking.ok("generate", "app.py", *option)

    assert result.err.startswith("app: locked, ")
    assert result.err.endswith("\n  alpha 1.0 -> 1.1\n")


def test_wheel_of_this_machine_that_changed_is_pinned_anew(locking: Locking) -> None:
    """The script is the same, and names the same file: what is in it is not."""
    wheels = locking.root / "wheels"
    build_wheel(wheels, "beta", "1.0")
    locking.edit("app.py", "# [tool.onedigest]", '# [tool.uv.sources]\n# beta = { path = "WHEEL" }\n# [tool.onedigest]')
    (wheel,) = wheels.glob("beta-*.whl")
    locking.edit("app.py", "WHEEL", f"wheels/{wheel.name}")
    locking.edit("app.py", '["alpha"]', '["alpha", "beta"]')
    locking.ok("generate", "app.py")
    before = locking.read("lockfiles/app/pylock.toml")
    assert locking.ok("generate", "app.py").err.startswith("app: unchanged, ")
    build_wheel(wheels, "beta", "1.0", files={"beta/new.py": b""})
    assert locking.ok("generate", "app.py").err.startswith("app: locked, ")
    assert locking.read("lockfiles/app/pylock.toml") != before


def test_folder_of_wheels_is_looked_into_again(locking: Locking) -> None:
    wheels = locking.root / "wheels"
    build_wheel(wheels, "beta", "1.0")
    locking.edit("app.py", "# [tool.onedigest]", '# [tool.uv]\n# find-links = ["wheels"]\n# [tool.onedigest]')
    locking.edit("app.py", '["alpha"]', '["alpha", "beta"]')
    locking.ok("generate", "app.py")
    before = locking.read("lockfiles/app/pylock.toml")
    build_wheel(wheels, "beta", "1.0", files={"beta/new.py": b""})
    locking.ok("generate", "app.py")
    assert locking.read("lockfiles/app/pylock.toml") != before


def test_edited_script_is_locked_again_by_a_build(locking: Locking) -> None:
    build_wheel(locking.index.folder, "beta", "1.0")
    build_wheel(locking.index.folder, "alpha", "1.1")
    locking.edit("app.py", '["alpha"]', '["alpha", "beta"]')
    locking.edit("app.py", "# [tool.onedigest]", "# [tool.onedigest]\n# env = { A = '1' }")
    result = locking.ok("build", "app")

    assert result.err.startswith(
        "app: `dependencies`, `env` changed since it was locked, so it is locked again; review lockfiles/app\n"
        "  beta (new) -> 1.0\n"
        "app: "
    )
    assert locking.ok("generate", "--check", "--all").err == "1 lock checked\n"
    assert locking.ok("build", "--locked", "app").out == result.out


def test_new_lock_is_said_beside_a_document_too(locking: Locking) -> None:
    """Whoever reads the document alone would push what nobody has reviewed."""
    locking.edit("app.py", "# [tool.onedigest]", "# [tool.onedigest]\n# args = ['x']")
    result = locking.ok("build", "app", "--json")

    said = "app: `args` changed since it was locked, so it is locked again; review lockfiles/app\n"
    assert result.err.startswith(said)
    assert json.loads(result.out)["images"][0]["name"] == "app"


@pytest.mark.parametrize("option", ["--locked", "--offline"])
def test_edited_script_is_not_locked_again_where_that_is_not_wanted(option: str, locking: Locking) -> None:
    locking.edit("app.py", "# [tool.onedigest]", "# [tool.onedigest]\n# env = { A = '1' }")
    before = locking.read("lockfiles/app/pylock.toml")
    result = locking.run("build", option, "app.py")

    assert (result.code, result.err) == (
        1,
        "error: lockfiles/app/pylock.toml: app.py changed since it was locked\nhint: run `onedigest generate app.py`\n",
    )
    assert locking.read("lockfiles/app/pylock.toml") == before


@pytest.mark.parametrize("edited", [False, True])
def test_lock_that_was_edited_is_not_locked_again_by_a_build(edited: bool, locking: Locking) -> None:
    if edited:
        locking.edit("app.py", '["alpha"]', '["alpha>=1"]')
    locking.edit("lockfiles/app/pylock.toml", "size = ", "size =  ")
    result = locking.run("build", "app.py")

    assert (result.code, result.err) == (
        1,
        "error: lockfiles/app/pylock.toml: the lock was changed by hand\nhint: run `onedigest generate app.py`\n",
    )


def test_layouts_are_left_out_of_git(locking: Locking) -> None:
    ignored = "# Generated by onedigest.\n*\n"
    assert locking.read("dist/.gitignore") == ignored
    locking.project.write("dist/.gitignore", "mine\n")
    locking.ok("build", "app", "--platform", "x86_64")
    assert locking.read("dist/.gitignore") == "mine\n"
    (locking.root / "dist" / ".gitignore").unlink()
    locking.ok("build", "app", "--output", "other/app", "--platform", "linux/arm64/v8")
    assert not (locking.root / "other" / ".gitignore").exists()
    locking.project.write("dist/wheel.whl", "of another program")
    locking.ok("build", "app", "--platform", "amd64,")
    assert not (locking.root / "dist" / ".gitignore").exists()
    (locking.root / "dist" / "wheel.whl").unlink()
    locking.ok("build", "app")
    assert locking.read("dist/.gitignore") == ignored
    locking.ok("inspect", "dist/app", "--validate")


def test_image_of_all_files_is_the_same_after_its_build(locking: Locking) -> None:
    """Neither the layouts nor what keeps them out of git are files of the application."""
    locking.edit("app.py", "# [tool.onedigest]", '# [tool.onedigest]\n# files = ["**/*"]')
    (locking.root / "data.txt").write_text("data\n")
    for path in (locking.root / "dist", locking.root / "lockfiles"):
        shutil.rmtree(path)
    first = locking.ok("build", "app.py").out
    locking.ok("build", "app.py")

    assert locking.ok("build", "app.py").out == first


def test_name_means_no_image_of_another_lock_folder(locking: Locking) -> None:
    """Whoever adds a folder of locks beside a script decides nothing about what a name means here."""
    (locking.root / "onedigest.toml").unlink()
    for name in ("app.py", "lockfiles/app/pylock.toml"):
        locking.project.write(f"sub/{name}", locking.read(name).replace("from app.py", "from sub/app.py"))
    locking.edit("lockfiles/app/pylock.toml", "from app.py", "from sub/app.py")
    result = locking.run("build", "app")

    assert (result.code, result.err) == (
        1,
        "error: lockfiles/app/pylock.toml: names app.py, whose own lock is in sub/lockfiles\n"
        "hint: name the script, or use --lockfiles sub/lockfiles\n",
    )
