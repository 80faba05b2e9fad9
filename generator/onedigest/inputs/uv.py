"""Knows how to run uv: the one door to it. Resolving, and what a uv.lock pins, is all that it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onedigest.errors import EngineError, InputError, NetworkError

_NETWORK = re.compile(
    r"error sending request|dns error|[Ff]ailed to fetch|connection|timed out|network connectivity is disabled|"
    r"Request failed after",
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = re.compile(
    r"^(?:(?:Using|Resolved|Updated|Updating|Added|Removed) .*|warning: .*|hint: The resolution failed for an .*|"
    r"hint: While the active Python version is .*)$"
)
_SPLIT = re.compile(
    r"(?:split \(markers: |`)python_full_version == '(?P<python>[\d.]+)\.\*' and implementation_name == 'cpython'"
    r" and platform_machine == '(?P<machine>\w+)' and platform_python_implementation == 'CPython'"
    r" and sys_platform == 'linux'[)`]"
)
"""How uv names one of the environments of a project."""

_KEPT_VARIABLES = re.compile(
    r"PATH|HOME|USER|TMPDIR|XDG_.*|NETRC|SSL_.*|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY|SYSTEMROOT|"
    r"UV_(?:CACHE_DIR|DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_.*_(?:USERNAME|PASSWORD)|FIND_LINKS|"
    r"KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|HTTP_.*|REQUEST_TIMEOUT|CONCURRENT_.*|CONFIG_FILE|CREDENTIALS_DIR|"
    r"OFFLINE)"
)
"""Where an index is and how it is reached. What would change the choice of versions is not among them."""


def lock(project: str, known: str, *, where: str, environment: Mapping[str, str], offline: bool) -> dict[str, Any]:
    """Resolve a project, given as the text of its pyproject.toml; return the parsed uv.lock.

    `known` is the text of an earlier uv.lock, whose versions are preferred, or empty. Paths in a project are absolute.
    `where` is what messages are about.
    Raises `InputError` when there is no solution and `NetworkError` when an index is out of reach.
    """
    with tempfile.TemporaryDirectory(prefix="onedigest-") as scratch:
        root = Path(scratch)
        (root / "pyproject.toml").write_text(project, encoding="utf-8")
        if known:
            (root / "uv.lock").write_text(known, encoding="utf-8")
        command = [
            _find(),
            "lock",
            "--no-python-downloads",
            "--python",
            sys.executable,
            "--no-progress",
            "--color=never",
        ]
        if offline:
            command.append("--offline")
        kept = {name: value for name, value in environment.items() if _KEPT_VARIABLES.fullmatch(name)}
        done = subprocess.run(command, cwd=root, env=kept, capture_output=True, text=True, check=False)
        if done.returncode:
            raise _failure(done.stderr, scratch, where)
        found = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
        for package in found.get("package", ()):
            _make_absolute(package["source"], root)
        return found


def export(
    pyproject: Path, known: Path, arguments: Sequence[str], *, where: str, environment: Mapping[str, str]
) -> str:
    """Return what a project's uv.lock pins, as a requirements file with hashes. Needs no network.

    Raises `InputError` where uv cannot read the two files.
    """
    with tempfile.TemporaryDirectory(prefix="onedigest-") as scratch:
        folder = pyproject.parent
        if known != folder / "uv.lock":
            folder = Path(scratch)
            (folder / "pyproject.toml").write_bytes(pyproject.read_bytes())
            (folder / "uv.lock").write_bytes(known.read_bytes())
        command = [
            _find(),
            "export",
            "--frozen",
            "--offline",
            "--no-python-downloads",
            "--no-progress",
            "--color=never",
        ]
        command += ["--python", sys.executable, "--format", "requirements.txt"]
        command += ["--no-emit-project", "--no-header", "--no-annotate", *arguments]
        kept = {name: value for name, value in environment.items() if _KEPT_VARIABLES.fullmatch(name)}
        done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
        if done.returncode:
            raise _failure(done.stderr, scratch, where)
        return done.stdout


def _make_absolute(source: dict[str, Any], root: Path) -> None:
    """Make paths of a source hold after the project is gone."""
    for key in ("path", "registry", "directory", "editable"):
        if key in source and "://" not in source[key]:
            source[key] = str((root / source[key]).resolve())


def _find() -> str:
    from uv import find_uv_bin

    try:
        return str(find_uv_bin())
    except FileNotFoundError as error:
        raise EngineError.of("uv is not installed", hint="run `pip install uv`") from error


def _failure(text: str, scratch: str, where: str) -> InputError | NetworkError:
    text = _COLOUR.sub("", text).replace(f"{scratch}/", "")
    lines = [line for line in text.split("\n") if not _NOISE.match(line)]
    message = _SPLIT.sub(_spoken, "\n".join(lines)).strip().removeprefix("error: ")
    if _NETWORK.search(message):
        hint = "" if "hint: " in message else "check the network"
        return NetworkError.of(f"uv could not reach the package index: {message}", where=where, hint=hint)
    return InputError.of(message[:1].lower() + message[1:], where=where)


def _spoken(match: re.Match[str]) -> str:
    """Say a marker that we wrote as a person would."""
    return f"Python {match['python']} on {match['machine']}"
