"""Keeps start-up light: what `--version`, `--help` and an unchanged build may import."""

from __future__ import annotations

import pytest

from conftest import Project
from index_server import IndexServer
from wheel_builder import build_wheel

HEAVY = ("jinja2", "networkx", "rich", "urllib3", "pysequoia", "packaging.pylock", "deflate", "uv")


def imported(arguments: list[str], project: Project) -> set[str]:
    code = (
        "import sys\nfrom onedigest.__main__ import main\nsys.argv[1:] = " + repr(arguments) + "\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = project.python("-c", code)
    assert done.code == 0, done.err
    return set(done.err.split())


def test_version_imports_nothing_of_others(project: Project) -> None:
    modules = imported(["--version"], project)

    assert not modules & {*HEAVY, "click", "packaging"}


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["generate", "--help"], ["graph", "--help"]])
def test_help_imports_no_heavy_package(arguments: list[str], project: Project) -> None:
    assert not imported(arguments, project) & {*HEAVY, "onedigest.assembler.configuration"}


@pytest.mark.network
def test_unchanged_build_imports_no_heavy_package(project: Project, index: IndexServer) -> None:
    build_wheel(index.folder, "alpha", "1")
    project.script("app.py", 'dependencies = ["alpha"]', "[tool.onedigest]", 'base = "debian:bookworm"')
    project.ok("build", "app.py")

    modules = imported(["build", "app.py"], project)
    assert sorted(modules & {*HEAVY, "packaging.requirements", "subprocess"}) == []
    modules = imported(["build", "app.py", "--locked"], project)
    assert sorted(modules & set(HEAVY)) == ["jinja2"], "it renders the generated files again"


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    from onedigest import __version__

    assert version("onedigest") == __version__
