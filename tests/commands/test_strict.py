"""What scripts of Debian packages leave undone is said of a new lock, and `--strict` refuses what lacks something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deb_builder import make_deb
from locking import Locking
from onedigest.cli.options import open_context
from onedigest.digest import of_bytes
from onedigest.errors import NetworkError, Problem
from onedigest.lock import text
from onedigest.lock.base.packages import DebianPackage
from onedigest.sources import Sources
from onedigest.workspace.context import Context
from onedigest.workspace.images import find_images
from onedigest.workspace.unrun_scripts import say_undone
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)


def here() -> Context:
    return open_context(
        lockfiles=None, offline=True, insecure=(), as_json=False, quiet=False, verbose=False, color="auto"
    )


def said(locking: Locking, package: DebianPackage) -> list[Problem]:
    """Return what is said of the project's lock with one package more, which is brought from nowhere."""
    session = here()
    image = find_images(session, ("app.py",), everything=False)[0]
    lock = text.loads(locking.read("lockfiles/app/pylock.toml"), "pylock.toml")
    problems: list[Problem] = []

    def refuse() -> Sources:
        raise NetworkError.of("there is no network")

    lock = replace(lock, base=replace(lock.base, system_packages=(package,)))
    say_undone(session, replace(image, warn=problems.append), lock, refuse)
    return problems


def package(locking: Locking, path: Path) -> DebianPackage:
    """Return a package as a lock has it."""
    data = path.read_bytes()
    return DebianPackage(
        name="some",
        version="1",
        architecture="all",
        path=f"pool/{path.name}",
        digest=of_bytes(data),
        size=len(data),
        platforms=text.loads(locking.read("lockfiles/app/pylock.toml"), "pylock.toml").platforms,
    )


def test_what_scripts_leave_undone_is_said_at_the_key(locking: Locking, tmp_path: Path) -> None:
    locking.ok("generate", "app.py")
    scripts = {"postinst": b"#!/bin/sh\nset -e\nsetcap cap_net_raw+ep /usr/bin/some\n"}
    path = make_deb(tmp_path / "some_1_all.deb", "some", [], scripts=scripts)
    locked = package(locking, path)

    assert [(each.message, each.hint) for each in said(locking, locked)] == [
        (
            "what scripts of its Debian packages leave undone is not known, since the packages cannot be reached",
            "run `onedigest generate --strict` with a network",
        )
    ]
    here().store.add(path.read_bytes())
    [problem] = said(locking, locked)
    assert problem.message == (
        "Debian package `some`: its scripts call `setcap` (its program lacks a capability, and needs root),"
        " which is not done"
    )
    assert problem.where.startswith("app.py:")


def test_an_image_that_lacks_something_is_refused_before_anything_is_written(
    locking: Locking, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking.project.write("one.py", "")
    locking.project.write("app.py", locking.read("app.py") + "import one\n")
    before = locking.read("lockfiles/app/pylock.toml")
    refused = locking.run("generate", "--strict", "app.py")

    assert refused.code == 1
    assert refused.err.splitlines()[-2:] == [
        "error: app.py:8: `one.py` is imported, and not in the image",
        'hint: write `files = ["one.py"]` in [tool.onedigest]',
    ]
    assert locking.read("lockfiles/app/pylock.toml") == before
    locking.edit("app.py", "import one\n", "")
    locking.ok("generate", "--strict", "app.py")


def test_strict_says_when_an_image_could_not_be_looked_at(locking: Locking) -> None:
    told = [
        "warning: app.py: what the image lacks is not known, since its wheels and packages are not on this machine yet",
        "hint: run `onedigest fetch app`, and then `onedigest generate --strict` again",
    ]
    build_wheel(locking.index.folder, "unseen", "1.0", files={"unseen.py": b"x = 'nowhere but here'\n"})
    locking.edit("app.py", 'dependencies = ["alpha"]', 'dependencies = ["unseen"]')

    assert locking.ok("generate", "--strict", "app.py").err.splitlines()[:2] == told
    assert "is not known" not in locking.ok("generate", "app.py").err
    locking.ok("fetch", "app")
    assert "is not known" not in locking.ok("generate", "--strict", "app.py").err


@pytest.mark.parametrize(
    "options", [["--strict"], ["--upgrade"], ["--upgrade-base"], ["--upgrade-package", "alpha"]], ids=" ".join
)
def test_check_refuses_options_that_it_would_not_heed(locking: Locking, options: list[str]) -> None:
    refused = locking.run("generate", "--check", *options, "app.py")

    assert refused.code == 2
    assert refused.err.splitlines() == [
        f"error: --check holds what is written against its script, and does nothing of {options[0]}",
        f"hint: call `onedigest generate` twice: with {options[0]}, and with --check",
    ]
