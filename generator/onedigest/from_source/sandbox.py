"""The run of a stranger's program: alone, without a network, in bounds, and with a certain end."""

from __future__ import annotations

import os
import platform
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from onedigest import digest, untrusted
from onedigest.errors import EngineError, Problem

_STAGE = Path(__file__).with_name("stage.py")
_STORES = ("/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew")
"""Where a Python may have its libraries besides its own folder and the system's."""

_SLICE = 1 << 16
_MOMENT = 0.1
_PATIENCE = 10
_MEASURED_EACH = 2.0
_LONGEST_PATH = 3500
"""Of a folder. What lies deeper than the system can name (limits.h, PATH_MAX) would be measured by nobody."""

_LONGEST_REPORT = 1000
_NOT_STARTED = "a build cannot be started"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one run may take: seconds, bytes of one file and of all, and bytes of its output that are kept."""

    seconds: float = 1800
    file_bytes: int = 4 << 30
    folder_bytes: int = 8 << 30
    output_bytes: int = 1 << 16


USUAL = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxFolder:
    """Where a program runs: `folder` is all that it may write to, `kept` what it may only read of that.

    The folder has one named `tmp`, which is /tmp where there are namespaces. `user` and `number` are what the program
    is called there; `umask` is what its files lack.
    """

    folder: Path
    kept: tuple[Path, ...] = ()
    user: str = "builder"
    number: int = 1000
    umask: int = 0o022


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessResult:
    """How a program ended: its code, or a signal as a negative number; the end of what it said; why it was stopped."""

    code: int
    output: str
    stopped: str = ""


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    enclosure: SandboxFolder,
    limits: Limits = USUAL,
    *,
    isolated: bool,
) -> ProcessResult:
    """Run a program with exactly these variables; all that it started has ended when this returns.

    Raises `EngineError` where it cannot be started.
    """
    # beside the folder of the run, which must not reach it, so that it goes with the scratch of a run that is killed
    with TemporaryDirectory(prefix="onedigest-", dir=enclosure.folder.parent) as private:
        plan = Path(private) / "plan.json"
        root = Path(private) / "root"
        root.mkdir()
        text = _plan(command, folder, environment, enclosure, limits, str(root) if isolated else "")
        plan.write_bytes(digest.canonical_json(text))
        ended, report = _follow(plan, enclosure.folder, limits)
    word, _, rest = report.partition(" ")
    if ended.stopped:
        return ended
    if word in ("exit", "signal") and rest.isdecimal():
        return ProcessResult(code=int(rest) if word == "exit" else -int(rest), output=ended.output)
    if word == "failed":
        raise EngineError.of(f"{_NOT_STARTED}: {rest}")
    raise EngineError.of(f"a build ended without a word: {untrusted.without_secrets(ended.output[-_LONGEST_REPORT:])}")


def shut_in(
    command: Sequence[str], environment: Mapping[str, str], readable: Path, mount_point: Path
) -> tuple[str, ...]:
    """Return the words that start a program with exactly these variables, to which its further words are added.

    It has one folder, to read, and no other file of the machine; it may write nowhere, and has no network. Its input,
    output and end are its own, and it ends with the process that started it. Above `mount_point`, an empty folder, it
    has its root. There must be no obstacle to isolation (`isolation_obstacle`).
    """
    enclosure = SandboxFolder(folder=readable)
    plan = _plan(command, readable, environment, enclosure, Limits(file_bytes=0), str(mount_point))
    plan |= {"writable": {}, "kept": [str(readable)], "system": False, "readable": []}
    return (sys.executable, "-I", "-S", str(_STAGE), "--stand-in", digest.canonical_json(plan).decode())


@cache
def isolation_obstacle() -> str:
    """Return why programs cannot be isolated on this machine, or nothing where they can."""
    if sys.platform != "linux":
        return f"{platform.system()} has no namespaces"
    with TemporaryDirectory(prefix="onedigest-") as folder:
        enclosure = SandboxFolder(folder=Path(folder).resolve() / "run")
        (enclosure.folder / "tmp").mkdir(parents=True)
        # the environment that we run in is not shown: this is the Python that made it
        python = str(Path(sys.executable).resolve())
        try:
            ended = run([python, "-I", "-S", "-c", ""], enclosure.folder, {}, enclosure, isolated=True)
        except EngineError as error:
            return error.problems[0].message.removeprefix(f"{_NOT_STARTED}: ")
    return f"Python does not start in a namespace: {ended.output.strip()[-200:]}" if ended.code else ""


def isolation_warning() -> list[Problem]:
    """Return the warning that programs are not isolated on this machine, where they are not."""
    why = isolation_obstacle()
    if not why:
        return []
    hint = (
        "build where namespaces of users are allowed: `docker run --security-opt seccomp=unconfined`,"
        " or on Ubuntu `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        if sys.platform == "linux"
        else "build on Linux what you do not trust"
    )
    return [
        Problem(f"wheels are built without isolation: {why}; a backend can reach your files and the network", "", hint)
    ]


def _plan(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    enclosure: SandboxFolder,
    limits: Limits,
    root: str,
) -> dict[str, Any]:
    """Return what the stage is told; `root` is where it makes a root of its own, or empty."""
    whole = str(enclosure.folder)
    number, user = enclosure.number, enclosure.user
    return {
        "command": list(command),
        "folder": str(folder),
        "environment": dict(environment),
        "umask": enclosure.umask,
        "file_bytes": limits.file_bytes,
        "root": root,
        "uid": number,
        "host": user,
        "system": True,
        "readable": _pythons(),
        "writable": {"/tmp": f"{whole}/tmp", whole: whole},  # noqa: S108  a folder of the run stands for it
        "kept": [str(each) for each in enclosure.kept],
        "files": {
            "/etc/passwd": f"{user}:x:{number}:{number}::{whole}/home:/bin/sh\n",
            "/etc/group": f"{user}:x:{number}:\n",
            "/etc/hosts": "127.0.0.1 localhost\n",
        },
    }


def _pythons() -> list[str]:
    """Return the folders that this Python is in, by all their names."""
    own = [Path(sys.base_prefix), Path(sys.base_exec_prefix), *map(Path, _STORES)]
    return sorted({name for path in own if path.is_dir() for name in (str(path.absolute()), str(path.resolve()))})


def _follow(plan: Path, folder: Path, limits: Limits) -> tuple[ProcessResult, str]:
    """Run the stage to its end, or to a limit; return what it said and its report."""
    receiver, report = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_STAGE), str(plan), str(report)],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(report,),
            start_new_session=True,
        )
    except BaseException:
        os.close(receiver)
        raise
    finally:
        os.close(report)
    with process, os.fdopen(receiver, "rb") as reports:
        assert process.stdout is not None
        heard = _OutputTail(process.stdout, limits.output_bytes)
        try:
            stopped = _wait(process, heard, folder, limits)
        finally:
            _end(process)
            # closed by all that held it, so nothing runs any more
            text = reports.read(_LONGEST_REPORT).decode("utf-8", "replace").partition("\n")[0]
            if not text:  # the stage was ended by another, maybe by what it watched
                _end_group(process)
        heard.drain()
        return ProcessResult(code=1, output=heard.text(), stopped=stopped), text


class _OutputTail:
    """What a program says, of which the end is kept."""

    def __init__(self, pipe: IO[bytes], most: int) -> None:
        self._pipe = pipe
        self._most = most
        self._kept = bytearray()
        self._open = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def hear(self, seconds: float) -> bool:
        """Take what is said within a time; tell whether there was something."""
        if not self._open:
            return False
        if not self._selector.select(seconds):
            return False
        data = os.read(self._pipe.fileno(), _SLICE)
        self._open = bool(data)
        self._kept += data
        del self._kept[: -self._most]
        return bool(data)

    def drain(self) -> None:
        """Take what is left in the pipe, which holds little."""
        for _ in range(_SLICE):
            if not self.hear(0):
                break
        self._selector.close()

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], heard: _OutputTail, folder: Path, limits: Limits) -> str:
    """Wait for a process and hear what it says; return which limit it broke, or nothing."""
    begun = time.monotonic()
    measured, pause = begun, _MEASURED_EACH
    while process.poll() is None:
        if not heard.hear(_MOMENT):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_MOMENT)
        now = time.monotonic()
        if now - begun > limits.seconds:
            return f"took more than {_duration(limits.seconds)}"
        if now - measured > pause:
            if broken := _measure(folder, limits.folder_bytes):
                return broken
            measured = time.monotonic()
            pause = max(_MEASURED_EACH, 10 * (measured - now))
    return ""


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:g} seconds"


def _measure(folder: Path, most: int) -> str:
    """Return what is too much below a folder: the bytes that files take on the disk, or how deep it is; or nothing."""
    found, waiting = 0, [str(folder)]
    while waiting and found <= most:
        place = waiting.pop()
        if len(os.fsencode(place)) > _LONGEST_PATH:
            return f"made folders with paths of more than {_LONGEST_PATH} bytes"
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                with suppress(OSError):
                    found += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return f"wrote more than {most >> 20} MiB" if found > most else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a stage, which ends all that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
