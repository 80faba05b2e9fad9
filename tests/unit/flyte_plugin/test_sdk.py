"""What the SDK's object holds of files is read from the folder of the script that declares it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from onedigest.definition.flyte.definition import RequirementsFile, UvProject


@pytest.fixture
def debian() -> Any:
    """An image of Debian that can be extended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import flyte
    return flyte.Image.from_debian_base(name="x")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a script; the working directory is another."""
    for name in ("jobs", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "jobs"


def read(image: Any, place: Path) -> Any:
    from onedigest.flyte_plugin.sdk import read_image

    return read_image(image, place)


def test_relative_path_is_from_the_folder_of_the_script(debian: Any, jobs: Path) -> None:
    for folder in (jobs, Path()):
        (folder / "r.txt").write_text("", encoding="utf-8")
    (step,) = read(debian.with_requirements("r.txt"), jobs).steps

    assert step == RequirementsFile(file=str(jobs / "r.txt"))


def test_working_directory_counts_where_the_file_is_nowhere_else(debian: Any, jobs: Path) -> None:
    Path("r.txt").write_text("", encoding="utf-8")
    here, missing = (read(debian.with_requirements(name), jobs).steps[0] for name in ("r.txt", "missing.txt"))

    assert here == RequirementsFile(file=str(Path("r.txt").absolute()))
    assert missing == RequirementsFile(file=str(jobs / "missing.txt"))


def test_uv_lock_beside_the_project_is_found_from_any_working_directory(debian: Any, jobs: Path) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        (jobs / name).write_text("", encoding="utf-8")
    (step,) = read(debian.with_uv_project("pyproject.toml"), jobs).steps

    assert step == UvProject(pyproject=str(jobs / "pyproject.toml"), uvlock=str(jobs / "uv.lock"))


def test_python_of_another_base_counts_where_it_is_not_this_machine_s(jobs: Path) -> None:
    import flyte

    base = flyte.Image.from_base("r.example/python:3.10")
    asked = read(base.clone(name="x", python_version=(3, 10)), jobs)

    assert (asked.base, asked.python) == ("r.example/python:3.10", "3.10")
    assert read(base.clone(name="x"), jobs).python == ""


def test_python_of_this_machine_may_be_one_that_was_asked_for(jobs: Path) -> None:
    import sys

    import flyte

    here = (sys.version_info.major, sys.version_info.minor)
    image = flyte.Image.from_debian_base(python_version=(3, 10)).clone(name="x", python_version=here)

    assert read(image, jobs).may_be_host_python
    assert read(image, jobs).python == "3.10"
    assert not read(image.clone(python_version=(3, 10)), jobs).may_be_host_python
