"""The one door to git: no repository runs a program, and nobody is asked anything."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from onedigest.checkout import find_repository
from onedigest.errors import EngineError, InputError, NetworkError
from onedigest.untrusted import MOST_TEXT, without_secrets

LONGEST_RUN = 1800
"""How many seconds git may take."""

_CALM = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
    # a folder of a checkout may look like a repository, with settings of a stranger
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "core.fsmonitor=false"),
)
_QUIET = (
    *_CALM,
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "init.templateDir="),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "core.logAllRefUpdates=false"),
    *("-c", "advice.detachedHead=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "init.defaultBranch=main"),
)
_OWN = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|SSL_\w+|HTTP_\w+|PROXY_\w+|ASKPASS|"
    r"CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))"
)
"""How a user's git reaches servers. Which repository is meant, as a hook has it, and traces are not among them."""

_WINDOWS = ("SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY")
"""With these a program might ask a question in a window."""

UNTRACKED, LEFT_OUT = "?", "S"
"""Marks of `git ls-files -t`."""

_MOST_SAID = 1 << 16
_LONGEST_MESSAGE = 600
_NOT_SAID = re.compile(r"(?m)^(?:hint|warning): .*\n?")


@dataclass(frozen=True, kw_only=True, slots=True)
class GitRun:
    """How git runs: its variables, the folder that it runs in, what messages are about, and words not to repeat."""

    variables: Mapping[str, str]
    folder: Path
    where: str
    secrets: tuple[str, ...] = ()


def users_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a git that goes by the user's settings: helpers for credentials, ssh, proxies."""
    kept = {
        name: value
        for name, value in environment.items()
        if (not name.startswith("GIT_") or _OWN.fullmatch(name)) and name not in _WINDOWS
    }
    # git has no terminal either, so ssh cannot ask for a password
    return {
        "GIT_HTTP_LOW_SPEED_LIMIT": "100",
        "GIT_HTTP_LOW_SPEED_TIME": "120",
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


def own_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a git that knows nobody's settings, so no filter that an attribute could name."""
    kept = {name: environment[name] for name in ("PATH", "TMPDIR") if name in environment}
    return {
        **kept,
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_NO_LAZY_FETCH": "1",
    }


def with_settings(variables: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return variables with settings of git in them, which stand in no file and in no list of processes."""
    stated = variables.get("GIT_CONFIG_COUNT", "")
    count = int(stated) if re.fullmatch(r"\d{1,4}", stated, re.ASCII) else 0
    more: dict[str, str] = {}
    for number, (name, value) in enumerate(sorted(settings.items()), count):
        more |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**variables, **more, "GIT_CONFIG_COUNT": str(count + len(settings))}


def ask(run: GitRun, *arguments: str, most: int = MOST_TEXT) -> bytes | None:
    """Return what git prints, None where it fails. Raises `InputError` for more than `most` bytes."""
    with _started(run, arguments) as (process, _):
        data = _read(process, run, most)
    return None if process.returncode else data


def tell(run: GitRun, *arguments: str, given: bytes = b"", most: int = MOST_TEXT) -> bytes:
    """Return what git prints; `given` is what it reads. Raises `GitFailed` with what it says where it fails."""
    with _started(run, arguments, given) as (process, said):
        data = _read(process, run, most)
        if process.returncode:
            said.seek(0)
            raise GitFailed(_spoken(said.read(_MOST_SAID).decode("utf-8", "replace"), run))
    return data


def records(run: GitRun, *arguments: str) -> Iterator[bytes]:
    """Yield what git prints, record by record, each of which a NUL ends; who has enough need not go on."""
    with _started(run, arguments) as (process, said):
        rest = b""
        while chunk := _stream(process).read(1 << 16):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from whole
            if len(rest) > MOST_TEXT:
                raise InputError.of("git prints a name that has no end", where=run.where)
        process.wait()
        if process.returncode:
            said.seek(0)
            raise GitFailed(_spoken(said.read(_MOST_SAID).decode("utf-8", "replace"), run))


class GitFailed(Exception):
    """Git failed; the text is what it says of it, without secrets. No user meets this class: callers word it."""


@contextmanager
def _started(
    run: GitRun, arguments: Sequence[str], given: bytes = b""
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start git in a session of its own, which has no terminal, and end all of it in the end, or after a time."""
    late = threading.Event()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as read:
        read.write(given)
        read.seek(0)
        process = subprocess.Popen(
            [find(), *_QUIET, *arguments],
            cwd=run.folder,
            env=dict(run.variables),
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )

        def stop() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(LONGEST_RUN, stop)
        timer.daemon = True
        timer.start()
        try:
            yield process, said
        finally:
            timer.cancel()
            if process.poll() is None:
                _kill(process)
            _stream(process).close()
            process.wait()
            if late.is_set():
                message = f"git took more than {LONGEST_RUN // 60} minutes, so it was stopped"
                raise NetworkError.of(message, where=run.where, hint="the server may be slow: try it again")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(process: subprocess.Popen[bytes], run: GitRun, most: int) -> bytes:
    data = _stream(process).read(most + 1)
    if len(data) > most:
        raise InputError.of(f"git prints more than {most} bytes", where=run.where)
    process.wait()
    return data


def _stream(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise AssertionError("it was asked for")
    return process.stdout


def _spoken(said: str, run: GitRun) -> str:
    """Return what git says of a failure on one line, as messages may repeat it."""
    for secret in run.secrets:
        said = said.replace(secret, "****")
    text = without_secrets(_NOT_SAID.sub("", said))
    text = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in text.splitlines() if line)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text)
    return f"{text[:_LONGEST_MESSAGE]}…" if len(text) > _LONGEST_MESSAGE else text


def find(hint: str = "install git") -> str:
    """Return where git is. Raises `EngineError` where it is missing."""
    git = shutil.which("git")
    if git is None:
        raise EngineError.of("git is not installed", hint=hint)
    return git


def list_files(folder: Path, environment: Mapping[str, str], where: str) -> list[tuple[str, bytes]] | None:
    """Return the files below a folder of a checkout that git tracks, or would, each with its mark.

    The mark is `UNTRACKED`, `LEFT_OUT` of a sparse checkout, or another one. A path that ends in a slash is another
    repository. None where git cannot read the checkout.
    """
    # a checkout of another user, as containers in CI have them, is only read; no setting of it runs a program
    run = GitRun(variables=users_variables(environment), folder=folder, where=where)
    arguments = ("-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-t", "-z")
    try:
        return [(row[:1].decode(), row[2:]) for row in records(run, *arguments)]
    except GitFailed:
        return None


def read_committed(path: Path, revision: str) -> str | None:
    """Return the text that a file had in a revision, None where there was none.

    Raises `InputError` for what is no revision, or no text of ours, and `EngineError` where git is missing.
    """
    git = find("name an image to compare with")
    full = path.resolve()
    # from here git finds this repository, and none that a folder further below pretends to be
    top = find_repository(full.parent)

    def look(*arguments: str) -> bytes | None:
        done = subprocess.run(
            [git, *_CALM, *arguments], cwd=top, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return None if done.returncode else done.stdout

    commit = top and look("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not top or not commit:
        raise InputError.of(
            f"`{revision}` is neither an image nor a revision of git",
            hint="name an image, a layout, a reference HOST/NAME:TAG or a revision",
        )
    blob = f"{commit.decode().strip()}:{full.relative_to(top).as_posix()}"
    size = look("cat-file", "-s", blob)
    if size is None:
        return None
    if int(size) > MOST_TEXT:
        raise InputError.of(f"the file at {revision} has more than {MOST_TEXT} bytes", where=path.name)
    # unlike `git show`, this runs no filter that the repository may name
    content = look("cat-file", "blob", blob)
    return None if content is None else content.decode("utf-8", "replace")
