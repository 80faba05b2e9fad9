"""Code that Flyte bakes into an image for one run has nothing of this machine, which is said once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from onedigest.definition.flyte.definition import CodeBundle, Copy
from onedigest.definition.flyte.syntax import find_images
from onedigest.flyte_plugin.written import find_written

JOB = """\
import flyte
env = flyte.TaskEnvironment("e", image=flyte.Image.from_debian_base(name="x").with_code_bundle(dst="/root"))
"""


def test_what_no_bundle_may_hold_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("job.py", "pkg/a.py", "big.bin", ".env", "pkg/key.pem", ".venv/x.py", "pkg/.mypy_cache/x", "a.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(JOB)
    (tmp_path / ".dockerignore").write_text("*.bin\n")
    (written,) = find_images(JOB, tmp_path / "job.py", "job.py").all()
    asked = replace(written, steps=(Copy(source=str(tmp_path), target="/root", is_folder=True),))
    (found, _) = find_written(asked, [str(tmp_path / "job.py")], python="", flyte="") or pytest.fail("not found")

    names = (".dockerignore", "job.py", "pkg/a.py")
    assert found.steps == (CodeBundle(target="/root", files=tuple((name, str(tmp_path / name)) for name in names)),)
    assert capsys.readouterr().err == (
        ".env and 1 more, which may hold credentials: left out of the code; to have it there, use `with_source_file`\n"
        ".venv and 1 more, which programs made for this machine: left out of the code; to have it there, use `with_source_file`\n"
    )
