"""The one door to uv, which only resolves, and puts wheels in an environment.

uv runs in a private folder whose pyproject.toml is the root of a workspace, so that it reads no file of a folder above.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from onedigest import checkout, untrusted
from onedigest.errors import InputError, NetworkError, Problem
from onedigest.net.indexes import PackageIndex, addresses_with_user, indexes_in, listed_in, without_users
from onedigest.store import Store
from onedigest.tools.anonymous_file import nameless_file
from onedigest.tools.uv_environment import UvInput, hide, uv_input
from onedigest.tools.uv_network import with_hint
from onedigest.uv_program import find_uv

LONGEST_RUN = 1800
"""How many seconds uv may take. Its own limits are for one request, and an index that dribbles has many."""

Hear = Callable[[str], None]
"""Is told a warning of uv, without the word."""

_LONGEST_START, _LONGEST_MESSAGE = 1000, 20_000
_LONGEST_WARNING = 500
_MOST_WARNINGS = 50
_WARNING = re.compile(r"(?m)^warning: (.+(?:\n[ \t]+\S.*)*)")
_NETWORK = re.compile(
    r"error sending request|dns error|[Ff]ailed to fetch|connection|timed out|network connectivity is disabled|"
    r"Request failed after",
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = re.compile(
    r"^(?:(?:Using|Resolved|Updated|Updating|Added|Removed) .*|warning: .*|hint: The resolution failed for an .*|"
    r"Resolving despite existing lockfile .*|hint: While the active Python version is .*)$"
)
_SPLIT = re.compile(
    r"(?:split \(markers: |`)python_full_version == '(?P<python>[\d.]+)\.\*' and implementation_name == 'cpython'"
    r" and platform_machine == '(?P<machine>\w+)' and platform_python_implementation == 'CPython'"
    r" and sys_platform == 'linux'[)`]"
)
"""How uv names one of the environments of a project."""

_REFUSED = re.compile(
    r"An index(?: URL)? \((?P<index>[^)\s]+)\)"
    r" (?:could not be queried due to a lack of valid authentication credentials \(|returned a )(?P<code>40[13])|"
    r"HTTP status client error \((?P<status>40[13])[^)]*\) for url \((?P<url>[^)\s]+)\)|"
    r"Missing credentials for: (?P<unasked>\S+)"
)
"""How uv says that an index refuses it."""

_FORGOTTEN = "during settings discovery"
"""What uv says when it goes on without any of the settings that it was given."""


def lock(
    project: str,
    known: str,
    *,
    store: Store,
    where: str,
    environment: Mapping[str, str],
    offline: bool,
    hear: Hear = lambda _: None,
) -> dict[str, Any]:
    """Resolve a project, given as the text of its pyproject.toml; return the parsed uv.lock.

    `known` is the text of an earlier uv.lock, whose versions are preferred, or empty. Paths in a project are absolute.
    `where` is what messages are about.
    Raises `InputError` when there is no solution and `NetworkError` when an index is out of reach.
    """
    options = ["--no-build", *(["--offline"] if offline else [])]
    return _lock(project, known, options, store, where, environment, hear)


def compare(project: str, *, store: Store, where: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the uv.lock of a project by what uv read a moment ago, source archives being as good as wheels.

    The project names all of its packages, and what each of them depends on: so there is nothing to build, and without
    a network nothing to build of. Raises `InputError` and `NetworkError`.
    """
    return _lock(project, "", ["--offline"], store, where, environment, lambda _: None)


def _lock(
    project: str,
    known: str,
    options: Sequence[str],
    store: Store,
    where: str,
    environment: Mapping[str, str],
    hear: Hear,
) -> dict[str, Any]:
    with store.scratch() as scratch:
        root = scratch / "project"
        root.mkdir(mode=0o700)
        (root / "pyproject.toml").write_text(without_users(project), encoding="utf-8")
        if known:
            (root / "uv.lock").write_text(known, encoding="utf-8")
        _run(["lock", *options], root, where, environment, _asked(project), hear)
        text = checkout.read_text(root, "uv.lock")
        try:
            found = untrusted.load_toml(text or "")
        except tomllib.TOMLDecodeError as error:
            raise InputError.of(f"uv wrote a lock that cannot be read: {error}", where=where) from None
        for package in found.get("package", ()):
            make_absolute(package["source"], root)
        return found


def install(folder: Path, wheels: Sequence[Path]) -> None:
    """Make a virtual environment of this Python in a folder, and install wheel files: no index, no network, no cache.

    Raises `InputError` where wheels do not fit this machine, or each other.
    """
    where = "build requirements"
    with tempfile.TemporaryDirectory(prefix="onedigest-", dir=folder.parent) as scratch:
        private = ["--no-config", "--no-cache", "--offline"]
        _run(["venv", str(folder), "--no-project", *private], Path(scratch), where, {})
        options = ["--no-index", "--no-deps", "--link-mode=copy", *private]
        if wheels:
            command = ["pip", "install", *map(str, wheels), *options]
            _run(command, Path(scratch), where, {}, python=folder / "bin" / "python")


def _run(
    command: Sequence[str],
    root: Path,
    where: str,
    environment: Mapping[str, str],
    asked: Iterable[PackageIndex] = (),
    hear: Hear = lambda _: None,
    python: Path = Path(sys.executable),
) -> str:
    """Run uv in a folder; return what it prints. `asked` are the indexes that the project in it names."""
    lent = uv_input(environment, asked, offline="--offline" in command)
    with nameless_file(lent.settings.encode()) as user, nameless_file(lent.machine.encode()) as machine:
        done = _start(command, root, where, lent.variables, {"user": user, "machine": machine}, python)
    said = hide(done.stderr, lent.secrets)
    for name, file in lent.files.items():
        said = said.replace(f"{root}/{_place(name)}", file).replace(_place(name), file)
    if _FORGOTTEN in said:
        why = said.partition(_FORGOTTEN)[2].partition("\n\n")[0].strip(":\n")
        raise InputError.of(f"uv cannot read the settings in [tool.uv]:\n{why}", where=where)
    if done.returncode:
        raise _failure(said, str(root), where, lent)
    for warning in _warnings(said, str(root)):
        hear(warning)
    return done.stdout


def _start(
    command: Sequence[str],
    root: Path,
    where: str,
    lent: Mapping[str, str],
    settings: Mapping[str, int],
    python: Path,
) -> subprocess.CompletedProcess[str]:
    """Run uv with variables that it is lent; `settings` are open files without a name, which may hold secrets."""
    for name, number in settings.items():
        (root / _place(name)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (root / _place(name)).unlink(missing_ok=True)  # of an earlier run in the same folder
        (root / _place(name)).symlink_to(f"/dev/fd/{number}")
    variables = {
        **lent,
        "XDG_CONFIG_HOME": str((root / _place("user")).parent.parent),
        # uv reads the first file of a machine that it finds: this one, and none in /etc
        "XDG_CONFIG_DIRS": str((root / _place("machine")).parent.parent),
        # nothing is installed from git, whoever asks for it
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
    }
    options = ["--no-python-downloads", "--python", str(python), "--no-progress", "--color=never"]
    try:
        return subprocess.run(
            [find_uv(), *command, *options],
            cwd=root,
            env=variables,
            pass_fds=tuple(settings.values()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        message = f"uv took more than {LONGEST_RUN // 60} minutes, so it was stopped"
        raise NetworkError.of(message, where=where, hint="an index may be slow: try it again") from None


def _place(name: str) -> str:
    return f".settings/{name}/uv/uv.toml"


def _asked(project: str) -> list[PackageIndex]:
    """Return the indexes of a project that uv resolves, with every address in it that holds a user."""
    settings = tomllib.loads(project)["tool"]["uv"]
    return [*indexes_in(settings), *listed_in(settings), *addresses_with_user([project])]


def make_absolute(source: dict[str, Any], root: Path) -> None:
    """Make paths of a source hold after the project is gone."""
    for key in ("path", "registry", "directory", "editable"):
        if key in source and "://" not in source[key]:
            source[key] = str((root / source[key]).resolve())


def _failure(text: str, scratch: str, where: str, lent: UvInput) -> InputError | NetworkError:
    text = re.sub(rf"Failed to build `\S+ @ file://{re.escape(scratch)}`\n\s*cause: ", "", _COLOUR.sub("", text))
    text = text.replace(f"{scratch}/", "")
    refusals = _refusals(text, where, lent)
    lines = [line for line in text.split("\n") if not _NOISE.match(line)]
    if refusals:
        lines = [line for line in lines if not (_REFUSED.search(line) and line.startswith("hint: "))]
    message = _SPLIT.sub(_spoken, "\n".join(lines)).strip().removeprefix("error: ")
    if len(message) > _LONGEST_MESSAGE:  # it ends with what matters
        _, _, end = message[-_LONGEST_MESSAGE:].partition("\n")
        message = f"{message[:_LONGEST_START]}…\n{end}"
    if refusals and _REFUSED.search(message):
        return NetworkError(refusals)
    if _NETWORK.search(message):
        message, hint = with_hint(message, lent.variables, f"{lent.settings}\n{lent.machine}")
        return NetworkError.of(f"uv could not reach the package index: {message}", where=where, hint=hint)
    return InputError([Problem(message[:1].lower() + message[1:], where), *refusals])


def _refusals(text: str, where: str, lent: UvInput) -> list[Problem]:
    """Return what is said of each index that wants a password, or another one."""
    found: dict[Problem, None] = {}
    for match in _REFUSED.finditer(text):
        url, status = match["index"] or match["url"] or match["unasked"], int(match["code"] or match["status"] or 0)
        shown = lent.credentials.at(url) or lent.credentials.asked_at(url, "")
        if problem := lent.credentials.refusal(url, "", status, shown):
            found[replace(problem, where=where)] = None
    return list(found)


def _warnings(said: str, scratch: str) -> list[str]:
    """Return what uv warns of, each once."""
    found = [
        re.sub(r"\s*\n\s*", " ", untrusted.without_secrets(_SPLIT.sub(_spoken, text)).replace(f"{scratch}/", ""))
        for text in _WARNING.findall(_COLOUR.sub("", said))[:_MOST_WARNINGS]
    ]
    return [text if len(text) <= _LONGEST_WARNING else f"{text[:_LONGEST_WARNING]}…" for text in dict.fromkeys(found)]


def _spoken(match: re.Match[str]) -> str:
    """Say a marker that we wrote as a person would."""
    return f"Python {match['python']} on {match['machine']}"
