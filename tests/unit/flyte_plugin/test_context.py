"""What a build for Flyte says, it says once: not at every build, and not for every image of a script."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onedigest.errors import Problem
from onedigest.flyte_plugin.context import FlyteContext

WARNING = "warning: job.py:3: is odd\n"


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "job.py").write_text("import flyte")


@pytest.fixture
def image(tmp_path: Path) -> Any:
    return SimpleNamespace(
        script_folder=tmp_path, spec=SimpleNamespace(script="job.py"), folder=tmp_path / "lockfiles" / "x"
    )


def session(run: str) -> FlyteContext:
    return FlyteContext({"lockfiles": None, "insecure": [], "run": run})


def warned(run: str, image: Any, capsys: pytest.CaptureFixture[str], *, anew: bool = False) -> str:
    made = session(run)
    made.warn([Problem("is odd", "job.py:3")])
    assert capsys.readouterr().err == ""
    made.begin(image, anew=anew)
    made.warn([Problem("is odd", "job.py:3")])
    return capsys.readouterr().err


def test_warning_is_printed_once_for_several_builds(image: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert [warned(run, image, capsys) for run in ("1", "1", "2")] == [WARNING, "", ""]


def test_warning_is_printed_again_when_the_script_is_another(image: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first = warned("1", image, capsys)
    (image.script_folder / "job.py").write_text("import flyte\n")

    assert [first, warned("2", image, capsys)] == [WARNING, WARNING]


def test_image_that_is_locked_anew_has_its_warnings_once_in_each_run(
    image: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [warned(run, image, capsys, anew=True) for run in ("1", "1", "2")]

    assert found == [WARNING, "", WARNING]
    assert warned("3", image, capsys) == ""


def test_words_wait_until_it_is_known_whether_they_are_new(image: Any, capsys: pytest.CaptureFixture[str]) -> None:
    several = [session("1"), session("2")]
    for each in several:
        each.advise("x: this is to be known")
        each.begin(image, anew=False)

    assert capsys.readouterr().err == "x: this is to be known\n"


def test_what_waits_is_said_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    made = session("1")
    made.warn([Problem("is odd", "job.py:3")])
    made.flush()
    made.flush()

    assert capsys.readouterr().err == WARNING
