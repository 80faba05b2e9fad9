"""The likely reasons of a build that failed, or gave other files the second time, and what helps."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onedigest.errors import EngineError, InputError, OnedigestError

_MISSING = re.compile(r"missing: (?P<files>[^;\n]+); run `onedigest fetch --all`")
_REFUSED = re.compile(r"(?m)^(?:[\w.-]+> |Error in fail: )?refused: (?P<reason>.+)$")
_NO_PYTHON = re.compile(r"missing: (?P<python>python3 on PATH, 3\.\d+ or newer)")
_OLD_PYTHON = re.compile(r"the assembler needs Python .+")
_MISMATCH = re.compile(r"while reading `(?P<file>[^`]+)`: if it changed")
_NO_PROGRAM = re.compile(r"executing '(?P<path>[^'\n]+)': No such file or directory")
_NO_FILES = re.compile(r"(?:visible as|repository) '@@?onedigest_files'|onedigest_files.*could not be resolved")
_LAST_LINES = 10
_CAUSES = (
    (
        r"\.pyc$",
        "bytecode depends on the times of its sources and on the order of compiling",
        "run Python with -B, and leave compiling to `bytecode`, which makes the same files everywhere",
    ),
    (r"^var/cache/ldconfig/aux-cache$", "ldconfig notes inode numbers and times in its cache", "remove the file"),
    (r"^var/lib/apt/lists/|^var/cache/apt/", "apt keeps its lists and caches", "name packages in `system-packages`"),
    (r"^var/lib/(?:dpkg|systemd|debconf)/", "dpkg notes what it did", "name packages in `system-packages`"),
    (r"^var/log/", "a log holds the time", "remove the log"),
    (r"^etc/(?:shadow|passwd|group|gshadow)-?$", "accounts are noted with the day", "set `user` to a number instead"),
    (r"(?:uv_cache|direct_url)\.json$|/REQUESTED$", "an installer notes when and from where", "name it a dependency"),
    (r"^(?:root/\.cache|tmp|var/tmp)/", "caches and temporary files stay behind", "remove them at the command's end"),
    (r"\.(?:gz|tgz|zip|whl|jar)$", "an archive holds the times of its files", "make it with fixed times, or outside"),
    (r"\.(?:sqlite3?|db)$", "a database holds times, or depends on the order of its rows", "write it sorted"),
)
_OTHERWISE = (
    "the content depends on the time, on random numbers, or on the order of a set or folder",
    "use SOURCE_DATE_EPOCH, seeds, `sorted()` and PYTHONHASHSEED=0 in the command",
)


def build_failure(program: str, log: str) -> OnedigestError:
    """Return the error that a failed build's log stands for."""
    return _input_failure(log) or _tool_failure(program, log) or _unknown_failure(program, log)


def _input_failure(log: str) -> OnedigestError | None:
    if missing := _MISSING.search(log):
        return InputError.of(f"`{missing['files']}` is missing", hint="run `onedigest fetch`")
    if refused := _REFUSED.search(log):
        return InputError.of(refused["reason"], hint="run `onedigest fetch`")
    if ("hash mismatch" in log or "path mismatch" in log) and (file := _MISMATCH.search(log)):
        return InputError.of(
            f"`{file['file']}` is not the file of the lock: its sha256 differs",
            hint="delete it, and run `onedigest fetch`",
        )
    return None


def _tool_failure(program: str, log: str) -> OnedigestError | None:
    if old := _OLD_PYTHON.search(log):
        return EngineError.of(
            f"{program}: {old[0]}", hint="give it a newer one: docs/guides/bazel.md and docs/guides/nix.md say how"
        )
    if python := _NO_PYTHON.search(log):
        return EngineError.of(
            f"there is no {python['python']}, with which Bazel lists the files of images",
            hint="install it, or name one with `--repo_env=ONEDIGEST_PYTHON=/path/to/python3` in .bazelrc",
        )
    if missing := _NO_PROGRAM.search(log):
        return EngineError.of(
            f"{program}'s builders cannot run {missing['path']}",
            hint="ONEDIGEST_NIX_PYTHON is to name a python3 that they see: one of the store, or of `sandbox-paths`",
        )
    if "is not inside workspace" in log:
        return EngineError.of(
            "Bazel cannot read the path of this workspace, which is not ASCII",
            hint="install the locale en_US.ISO-8859-1, which Bazel needs for that (`localedef`, Debian's `locales`)",
        )
    if _NO_FILES.search(log):
        return EngineError.of(
            "the Bazel workspace does not know the repository `onedigest_files`",
            hint="put into MODULE.bazel what lockfiles/extensions.bzl says",
        )
    return None


def _unknown_failure(program: str, log: str) -> OnedigestError:
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(("INFO:", "SUBCOMMAND:"))]
    said = "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])
    return EngineError.of(f"{program} failed:{said}", hint="--verbose shows its log")


def explain(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return (cause, cure) of what is known of some paths that differ, the likeliest first."""
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        cause = next(((why, cure) for pattern, why, cure in _CAUSES if re.search(pattern, path)), _OTHERWISE)
        found.setdefault(cause[0], cause)
    return sorted(found.values(), key=lambda cause: cause == _OTHERWISE)
