"""Files that an image of Flyte names are found from the script's folder, whatever the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.flyte.methods import extend, find, find_uv_lock, first


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a script, two below the repository; the working directory is another."""
    folder = tmp_path / "repository" / "team" / "jobs"
    folder.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


def write(*files: Path) -> None:
    for file in files:
        file.write_text("", encoding="utf-8")


def test_file_beside_the_script_counts(jobs: Path) -> None:
    write(jobs / "x.txt", jobs.parent / "x.txt", Path("x.txt"))

    assert find("x.txt", jobs) == find(Path("./x.txt"), jobs) == str(jobs / "x.txt")
    assert find("../x.txt", jobs) == str(jobs.parent / "x.txt")


def test_nearest_folder_above_counts_where_none_is_beside_it(jobs: Path) -> None:
    write(jobs.parent.parent / "x.txt", jobs.parent.parent.parent / "y.txt")

    assert find("x.txt", jobs) == str(jobs.parent.parent / "x.txt")
    assert find("y.txt", jobs) == str(jobs / "y.txt"), "it is outside of the repository"
    assert find("../y.txt", jobs) == str(jobs.parent / "y.txt"), "so it is"


def test_nothing_above_counts_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    write(tmp_path / "x.txt")

    assert find("x.txt", tmp_path / "jobs") == str(tmp_path / "jobs" / "x.txt")


def test_working_directory_has_no_part(jobs: Path) -> None:
    write(Path("x.txt"))

    assert find("x.txt", jobs) == str(jobs / "x.txt")


def test_script_given_from_the_working_directory(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(jobs / "x.txt", jobs.parent / "y.txt")
    monkeypatch.chdir(jobs)

    assert find("x.txt", Path()) == str(jobs / "x.txt")
    assert find("y.txt", Path()) == str(jobs.parent / "y.txt")


def test_uv_lock_is_the_one_that_is_named_or_the_one_beside_the_project(jobs: Path) -> None:
    pyproject = str(jobs / "pyproject.toml")
    without = find_uv_lock(None, pyproject, jobs)
    write(jobs / "uv.lock", jobs.parent / "other.lock")

    assert without == ""
    assert find_uv_lock(None, pyproject, jobs) == str(jobs / "uv.lock")
    assert find_uv_lock(Path("other.lock"), pyproject, jobs) == str(jobs.parent / "other.lock")


def test_folder_is_copied_under_the_name_that_is_written(jobs: Path) -> None:
    image = first("from_debian_base", {}, jobs)
    assert image
    copied = [extend(image, "with_source_folder", {"src": Path(each)}, jobs).steps[0] for each in (".", "data", "..")]

    assert [getattr(step, "target", "") for step in copied] == ["./", "./data", "./.."]


def test_base_that_is_replaced_brings_its_own_python_and_no_flyte(jobs: Path) -> None:
    image = first("from_debian_base", {"name": "x"}, jobs)
    assert image
    other = extend(image, "clone", {"base_image": "r.example/python:3.13"}, jobs)
    flyte = extend(image, "clone", {"base_image": "ghcr.io/flyteorg/flyte:py3.12-v2.8.0"}, jobs)
    asked = extend(image, "clone", {"base_image": "r.example/python:3.13", "python_version": (3, 13)}, jobs)

    assert (other.base, other.python, other.flyte) == ("r.example/python:3.13", "", "")
    assert (flyte.base, flyte.python, flyte.flyte) == ("", "3.12", "flyte==2.8.0")
    assert (asked.base, asked.python) == ("r.example/python:3.13", "3.13")
