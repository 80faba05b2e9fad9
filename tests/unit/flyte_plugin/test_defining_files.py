"""Which files may define an image of Flyte: those of a user, whatever the folders above them are called."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import flyte
import pytest

from onedigest.flyte_plugin.defining_files import environments_of, find_files, find_siblings, is_own


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The environments of a program, of which there is none yet."""
    found: list[Any] = []
    monkeypatch.setattr("flyte._environment._ENVIRONMENT_REGISTRY", found)
    return found


def file(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def module(monkeypatch: pytest.MonkeyPatch, path: Path, **names: object) -> str:
    """A module of the program, from a file."""
    made = types.ModuleType(path.stem)
    made.__file__ = file(path)
    made.__dict__.update(names)
    monkeypatch.setitem(sys.modules, f"declared_{path.stem}", made)
    return str(path)


def image(package: str = "attrs") -> flyte.Image:
    return flyte.Image.from_debian_base(name="x", registry="r.example/a").with_pip_packages(package)


@pytest.mark.parametrize(
    "path", ["job.py", "flyte/job.py", "src/bin/job.py", "lib/python3.13/job.py", "job", "packages/job.py"]
)
def test_files_of_a_project_are_own(tmp_path: Path, path: str) -> None:
    assert is_own(file(tmp_path / path))


@pytest.mark.parametrize(
    "path", ["bin/flyte", "bin/job.py", "lib/python3.13/job.py", "Scripts/flyte.py", "Lib/flyte/cli/main.py"]
)
def test_files_of_a_virtual_environment_are_not(tmp_path: Path, path: str) -> None:
    file(tmp_path / "venv" / "pyvenv.cfg")

    assert not is_own(file(tmp_path / "venv" / path))


def test_project_whose_folder_is_a_virtual_environment_too(tmp_path: Path) -> None:
    file(tmp_path / "pyvenv.cfg")

    assert is_own(file(tmp_path / "jobs" / "job.py"))
    assert not is_own(file(tmp_path / "bin" / "flyte"))


def test_installed_packages_and_the_interpreter_are_not_own(tmp_path: Path) -> None:
    places = [
        file(tmp_path / "lib" / "site-packages" / "acme" / "job.py"),
        file(tmp_path / "dist-packages" / "job.py"),
        os.__file__,
        sys.executable,
        str(flyte.__file__),
        str(sys.modules["onedigest"].__file__),
    ]

    assert [path for path in places if is_own(path)] == []


def test_link_into_an_installed_package_is_not_own(tmp_path: Path) -> None:
    installed = file(tmp_path / "site-packages" / "job.py")
    (tmp_path / "job.py").symlink_to(installed)

    assert not is_own(str(tmp_path / "job.py"))


def test_what_is_no_file_is_not_own(tmp_path: Path) -> None:
    assert not any(map(is_own, ["", "<string>", str(tmp_path), str(tmp_path / "gone.py")]))


def test_module_that_holds_the_environment_stands_for_a_program_of_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environments: list[Any]
) -> None:
    """So it is where a folder named `flyte` is above the script: the SDK names its own program."""
    env = flyte.TaskEnvironment("gpu", image=image())
    file(tmp_path / "venv" / "pyvenv.cfg")
    env._declaring_file = file(tmp_path / "venv" / "bin" / "flyte")
    module(monkeypatch, tmp_path / "flyte" / "another.py")
    script = module(monkeypatch, tmp_path / "flyte" / "job.py", several=[env])

    assert environments == [env]
    assert find_files(env.image)[0] == script
    assert env._declaring_file not in find_files(env.image)


def test_declaring_file_is_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environments: list[Any]) -> None:
    env = flyte.TaskEnvironment("gpu", image=image())
    env._declaring_file = file(tmp_path / "job.py")
    main = module(monkeypatch, tmp_path / "a_main.py", env=env)

    assert environments == [env]
    assert find_files(env.image)[:2] == [env._declaring_file, main]


def test_environments_and_siblings_are_those_of_the_script(tmp_path: Path, environments: list[Any]) -> None:
    several = [flyte.TaskEnvironment(name, image=image(package)) for name, package in
               (("b", "attrs"), ("a", "attrs"), ("c", "idna"), ("d", "click"))]  # fmt: skip
    for env, name in zip(several, ("job", "job", "job", "other"), strict=True):
        env._declaring_file = file(tmp_path / f"{name}.py")
    flyte.TaskEnvironment("auto")

    assert len(environments) == 5
    assert environments_of(several[0].image) == ("a", "b")
    assert find_siblings(several[0].image, find_files(several[0].image)) == [several[2].image]
