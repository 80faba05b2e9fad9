from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path

import pytest

from onedigest.errors import InputError, NetworkError, OnedigestError
from onedigest.tools import uv_python
from onedigest.tools.python_identity import read_version
from onedigest.tools.uv_python import find_python, install_python
from own_pythons import NAME, PROGRAM, VERSION, downloads

NONE = "3.11.2"
"""A version that uv has no download of."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user who has nothing yet."""
    return {"PATH": "/nowhere", "HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}


def put(folder: Path, name: str, text: str = f'exec {PROGRAM} "$@"') -> Path:
    """Write a program of a folder that is on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def found(version: str, environment: dict[str, str], seconds: float = 20) -> str:
    try:
        return str(find_python(version, environment, seconds))
    except InputError as error:
        return str(error)


def test_a_python_on_path_is_found(tmp_path: Path, environment: dict[str, str]) -> None:
    put(tmp_path / "bin", NAME)

    program = found(VERSION, {**environment, "PATH": str(tmp_path / "bin")})

    assert read_version([program], {}) == VERSION
    assert found(VERSION, environment) == "it knows none"
    assert found("3.99.1", {**environment, "PATH": str(tmp_path / "bin")}) == "it knows none"


@pytest.mark.parametrize(
    ("folder", "variable"),
    [
        (".pyenv/versions", ""),
        ("pyenv/versions", "PYENV_ROOT"),
        (".asdf/installs/python", ""),
        (".local/share/mise/installs/python", ""),
        ("mise/installs/python", "MISE_DATA_DIR"),
    ],
)
def test_a_python_of_another_tool_is_found_by_its_version(
    tmp_path: Path, environment: dict[str, str], folder: str, variable: str
) -> None:
    put(tmp_path / folder / VERSION / "bin", NAME)
    more = {variable: str(tmp_path / folder.partition("/")[0])} if variable else {}

    assert read_version([found(VERSION, {**environment, **more})], {}) == VERSION


def test_a_python_that_uv_manages_for_the_user_is_found(tmp_path: Path, environment: dict[str, str]) -> None:
    machine = f"{platform.system().lower()}-{platform.machine()}-{'gnu' if sys.platform == 'linux' else 'none'}"
    put(tmp_path / "managed" / f"cpython-{VERSION}-{machine}" / "bin", NAME)

    program = found(VERSION, {**environment, "UV_PYTHON_INSTALL_DIR": str(tmp_path / "managed")})

    assert read_version([program], {}) == VERSION


def test_programs_that_are_no_python_are_passed_over(tmp_path: Path, environment: dict[str, str]) -> None:
    put(tmp_path / "broken", NAME, "echo broken >&2; exit 127")
    put(tmp_path / "odd", NAME, "echo 3.13.5")
    put(tmp_path / "right", NAME)
    path = ":".join(str(tmp_path / each) for each in ("broken", "odd", "right"))

    assert read_version([found(VERSION, {**environment, "PATH": path})], {}) == VERSION
    assert found(NONE, {**environment, "PATH": path}) == "it knows none"


def test_a_program_that_hangs_is_not_waited_for(tmp_path: Path, environment: dict[str, str]) -> None:
    put(tmp_path / "bin", "python3", f"(sleep 2; touch {tmp_path / 'mark'}) & sleep 100")
    begun = time.monotonic()

    said = found(NONE, {**environment, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, 1)

    assert said == "it did not answer in 1 seconds: a Python on PATH hangs"
    assert time.monotonic() - begun < 2
    time.sleep(1.2)
    assert not (tmp_path / "mark").exists()


def test_programs_on_path_see_no_secret(tmp_path: Path, environment: dict[str, str]) -> None:
    put(tmp_path / "bin", NAME, f"env > {tmp_path / 'seen'}; exit 1")
    secrets = {"HTTPS_PROXY": "http://u:hunter2@proxy", "UV_INDEX_A_PASSWORD": "hunter2", "NETRC": "/hunter2"}

    found(VERSION, {**environment, **secrets, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})

    assert "hunter2" not in (tmp_path / "seen").read_text()


def refusal(version: str, environment: dict[str, str], folder: Path) -> OnedigestError:
    with pytest.raises(OnedigestError) as raised:
        install_python(version, folder, environment)
    return raised.value


def test_uv_brings_a_python_into_a_folder_of_ours(tmp_path: Path, environment: dict[str, str]) -> None:
    program = install_python(VERSION, tmp_path / "new", {**environment, **downloads(tmp_path, VERSION)})

    assert program.relative_to(tmp_path / "new").parts[1:] == ("bin", NAME)
    assert not (tmp_path / ".local").exists()


@pytest.mark.parametrize("place", ["variable", "settings"])
def test_the_users_mirror_holds(tmp_path: Path, environment: dict[str, str], place: str) -> None:
    github = "https://github.com/astral-sh/python-build-standalone/releases/download"
    listed = downloads(tmp_path, VERSION, github)
    mirror = f"file://{tmp_path}"
    if place == "variable":
        listed["UV_PYTHON_INSTALL_MIRROR"] = mirror
    else:
        settings = tmp_path / ".config" / "uv" / "uv.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'python-install-mirror = "{mirror}"\n')

    assert install_python(VERSION, tmp_path / "new", {**environment, **listed}).is_file()


def test_what_uv_cannot_bring_is_said(tmp_path: Path, environment: dict[str, str]) -> None:
    problem = refusal(NONE, environment, tmp_path / "new").problems[0]

    assert problem.message == f"it has no CPython {NONE} to bring"
    assert problem.hint == f"put CPython {NONE} on PATH"


@pytest.mark.parametrize("place", ["variable", "settings"])
def test_a_user_who_forbids_downloads_is_heard(tmp_path: Path, environment: dict[str, str], place: str) -> None:
    listed = downloads(tmp_path, VERSION)
    if place == "variable":
        listed["UV_PYTHON_DOWNLOADS"] = "never"
    else:
        settings = tmp_path / ".config" / "uv" / "uv.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text('python-downloads = "never"\n')

    message = refusal(VERSION, {**environment, **listed}, tmp_path / "new").problems[0].message

    assert message == "it may bring none: UV_PYTHON_DOWNLOADS is never"
    assert not (tmp_path / "new").exists()


def test_a_network_that_fails_is_named_without_its_password(tmp_path: Path, environment: dict[str, str]) -> None:
    listed = downloads(tmp_path, VERSION, "http://python.example")
    proxy = {"http_proxy": "http://user:hunter2@127.0.0.1:9", "UV_HTTP_RETRIES": "0"}

    error = refusal(VERSION, {**environment, **listed, **proxy}, tmp_path / "new")

    assert isinstance(error, NetworkError)
    assert error.problems[0].message.startswith("it could not fetch it: Failed to install cpython-")
    assert "hunter2" not in str(error)


def test_an_archive_that_is_another_is_not_taken(tmp_path: Path, environment: dict[str, str]) -> None:
    listed = downloads(tmp_path, VERSION)
    file = Path(listed["UV_PYTHON_DOWNLOADS_JSON_URL"])
    text = json.loads(file.read_text())
    for row in text.values():
        row["sha256"] = "0" * 64
    file.write_text(json.dumps(text))

    message = refusal(VERSION, {**environment, **listed}, tmp_path / "new").problems[0].message

    assert "sha256" in message or "mismatch" in message.lower() or "hash" in message.lower()


def test_a_uv_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_python, "find_uv", lambda: str(put(tmp_path / "bin", "uv", "sleep 100")))
    monkeypatch.setattr(uv_python, "LONGEST_RUN", 0.3)

    message = refusal(VERSION, {"PATH": "/usr/bin:/bin"}, tmp_path / "new").problems[0].message

    assert message == "it took more than 0.3 seconds, so it was stopped"
