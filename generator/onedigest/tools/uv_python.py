"""The Pythons that uv knows on this machine, and those that it can bring."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from onedigest.errors import InputError, NetworkError
from onedigest.net.uv_settings import (
    OF_PROJECT,
    bare_settings,
    load_settings,
    read_settings,
    settings_files,
    settings_text,
    toml_value,
)
from onedigest.tools.anonymous_file import nameless_file
from onedigest.tools.uv_environment import hide, uv_input
from onedigest.tools.uv_network import with_hint
from onedigest.uv_program import find_uv

SEARCH_SECONDS = 30
"""How long uv may look for a Python: it starts those that are on PATH, each of which may hang."""

LONGEST_RUN = 1800
"""How many seconds uv may take to bring one."""

_PASSED = re.compile(r"PATH|HOME|USER|TMPDIR|XDG_.*|SYSTEMROOT|PYENV_.*")
_PLACES = ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_SEARCH_PATH")
"""What is told to uv, and by it to programs on PATH: where Pythons are, and nothing that may hold a password."""

_MIRRORS = ("UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL", "UV_PYTHON_CACHE_DIR")
_STATED = ("python-install-mirror", "python-downloads-json-url", "python-downloads")
"""Where Pythons come from: by variables, and by uv's own settings."""

_ALLOWED = ("automatic", "true", "1")
_NETWORK = re.compile(r"error sending request|dns error|Failed to (?:fetch|download)|Network connectivity is disabled")
_MOST_SAID, _SHOWN = 5000, 100

_BESIDE = (
    ("PYENV_ROOT", ".pyenv", "versions"),
    ("ASDF_DATA_DIR", ".asdf", "installs/python"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/python"),
)
"""Where other tools keep Pythons by their versions: a variable, the folder below the home without it, and the rest."""


def find_python(version: str, environment: Mapping[str, str], seconds: float = SEARCH_SECONDS) -> Path:
    """Return a Python that uv says is CPython of a version, without fetching one. Raises `InputError`.

    uv looks at those that it manages for the user, then at PATH; those of pyenv, asdf and mise of that version are put
    before it. What it says is to be proven: any program can be on PATH.
    """
    variables = {name: text for name, text in environment.items() if name in _PLACES or _PASSED.fullmatch(name)}
    search = "UV_PYTHON_SEARCH_PATH" if "UV_PYTHON_SEARCH_PATH" in variables else "PATH"
    variables[search] = os.pathsep.join([*_beside(version, environment), variables.get(search, "")])
    options = ["--system", "--no-project", "--no-config", "--offline", "--no-python-downloads", "--color=never"]
    try:
        code, out, _ = _run(["python", "find", f"cpython@{version}", *options], variables, seconds)
    except InputError:
        raise InputError.of(f"it did not answer in {seconds:g} seconds: a Python on PATH hangs") from None
    found = Path(out.strip())
    if code or not found.is_absolute() or not found.is_file():
        raise InputError.of("it knows none")
    return found


def install_python(version: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Have uv bring CPython of a version into an empty folder; return its program.

    The user's proxies, certificates and mirrors of Pythons hold, and so does what they say of downloads. Raises
    `InputError` where uv has no such Python or may bring none, and `NetworkError`.
    """
    stated = _stated(environment)
    allowed = environment.get("UV_PYTHON_DOWNLOADS") or stated.pop("python-downloads", "automatic")
    if allowed not in _ALLOWED:
        raise InputError.of(f"it may bring none: UV_PYTHON_DOWNLOADS is {allowed[:_SHOWN]}")
    lent = uv_input(environment, offline=True)
    variables = {**lent.variables, **{name: environment[name] for name in _MIRRORS if environment.get(name)}}
    user, machine = read_settings(environment)
    settings = settings_text(bare_settings({**machine.values, **user.values})) + _lines(stated)
    with nameless_file(settings.encode()) as number:
        options = ["--install-dir", str(folder), "--no-bin", "--no-registry", "--no-progress", "--color=never"]
        command = ["python", "install", f"cpython@{version}", *options, f"--config-file=/dev/fd/{number}"]
        code, _, said = _run(command, variables, LONGEST_RUN, (number,))
    if code:
        raise _failure(hide(said, lent.secrets), version, variables, settings)
    minor = ".".join(version.split(".")[:2])
    programs = sorted(folder.glob(f"cpython-*/bin/python{minor}"))
    real = [path for path in programs if not path.parent.parent.is_symlink() and path.is_file()]
    if not real:
        raise InputError.of(f"it brought no python{minor}")
    return real[0]


def _stated(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the user's settings say of where Pythons come from; those of the user count before a machine's."""
    found: dict[str, str] = {}
    if environment.get(OF_PROJECT):
        return found
    for path in reversed(settings_files(environment)):
        with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            table = load_settings(path)
            found |= {key: table[key] for key in _STATED if isinstance(table.get(key), str)}
    return found


def _lines(stated: Mapping[str, str]) -> str:
    return "".join(f"{key} = {toml_value(text)}\n" for key, text in stated.items())


def _failure(said: str, version: str, variables: Mapping[str, str], settings: str) -> InputError | NetworkError:
    message = said.strip().removeprefix("error: ")[-_MOST_SAID:]
    if "No download found" in message:
        return InputError.of(f"it has no CPython {version} to bring", hint=f"put CPython {version} on PATH")
    if _NETWORK.search(message):
        message, hint = with_hint(message, variables, settings)
        return NetworkError.of(f"it could not fetch it: {message}", hint=hint)
    return InputError.of(f"it could not bring it: {message}")


def _beside(version: str, environment: Mapping[str, str]) -> list[str]:
    """Return the folders that other tools have a Python of a version in."""
    home = environment.get("HOME", "")
    roots = (
        (Path(environment.get(name) or f"{home}/{folder}"), rest)
        for name, folder, rest in _BESIDE
        if environment.get(name) or home
    )
    folders = (root / rest / version / "bin" for root, rest in roots)
    return [str(each) for each in folders if each.is_absolute() and each.is_dir()]


def _run(
    command: Sequence[str], variables: Mapping[str, str], seconds: float, given: Sequence[int] = ()
) -> tuple[int, str, str]:
    """Run uv; it ends after a time with all that it started. Raises `InputError` then."""
    process = subprocess.Popen(
        [find_uv(), *command],
        cwd="/",
        env=dict(variables),
        pass_fds=tuple(given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise InputError.of(f"it took more than {seconds:g} seconds, so it was stopped") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err
