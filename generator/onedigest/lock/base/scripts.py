"""The effects of Debian packages' scripts on an image that nothing else would have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from onedigest.assembler.configuration import configuration
from onedigest.assembler.configuration.alternatives import alternative_of
from onedigest.assembler.configuration.file_list import read_list
from onedigest.assembler.configuration.following import Call
from onedigest.assembler.configuration.maintainer import ARGUMENTS, Unfollowed, architecture_of, calls
from onedigest.assembler.configuration.paths import find, place
from onedigest.assembler.configuration.placing import placed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.debian_packages import read_packages
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.errors import InputError, Problem, listed
from onedigest.lock.base.script_commands import (
    ASKING,
    BYTE_COMPILING,
    DONE,
    MEANINGS,
    PROOFS,
    REVIEWED,
    WITHOUT_EFFECT,
)

_NAMED = 6
"""How many commands are named of a package; the others are counted."""

_MANUAL = re.compile(r"\.[0-9][a-z]*\.gz\Z")
_LOGS = "/var/log/"
_CHANGING = {"sed": ("-i", "--in-place"), "find": ("-delete", "-exec"), "perl": ("",)}
"""How arguments begin that let a command change files: whatever perl is given may do that."""

_PLAIN = frozenset(
    {"chgrp", "chmod", "chown", "cp", "dpkg-statoverride", "install", "ln", "mkdir", "mv", "touch", "ucf"}
)
_FORMS = ("write", "offer", "run")
"""What a call does that is told without its name."""

_HINT = "if a program needs it, make it with `copy` or `run`, or take a base image that has the package"


def read_system(paths: Iterable[Path], below: Path | None) -> System:
    """Read packages, and the list of the files of an image below, with what is made of them. Raises `InputError`."""
    try:
        packages = read_packages(paths)
        files = read_list(below) if below else {}
        files |= {entry.path: entry for package in packages for entry in package.entries}
        return System({**files, **configuration(System(files, packages))}, packages)
    except Refused as error:
        raise InputError.of(error.reason) from None


def undone_by_scripts(system: System) -> list[Problem]:
    """Return what scripts would do beyond what is followed, one problem for each package.

    The last one has the hint for all.
    """
    architecture = architecture_of(system.packages)
    found = []
    for package in system.packages:
        if REVIEWED.fullmatch(package.name) or PROOFS.get(package.name, "") in system.files:
            continue
        undone = [each for script in ARGUMENTS for each in _undone(package, script, architecture, system.files)]
        if undone:
            found.append(Problem(f"Debian package `{package.name}`: {'; '.join(_joined(undone))}"))
    return [*found[:-1], replace(found[-1], hint=_HINT)] if found else []


def _undone(package: Package, script: str, architecture: str, files: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    """Yield what is not done, and what that means: nothing is said of what has no name in the table."""
    try:
        called = calls(package, script, architecture, files)
    except Unfollowed as error:
        yield f"its {script} {error}, so that what it does is not known, and not done", ""
        return
    for call in called:
        if not _is_done(call, files):
            yield _named(call)


def _is_done(call: Call, files: Mapping[str, Entry]) -> bool:  # noqa: PLR0911  one for each command
    name = _command(call)
    arguments = call.words[1:]
    if name in DONE or not call.words or all(path and path.startswith(_LOGS) for path in call.writes or ("",)):
        return True
    if call.writes:
        return False
    if name in ASKING or name in WITHOUT_EFFECT or name.startswith("db_"):
        return True
    if name == "update-alternatives":
        about_manual = any(word and _MANUAL.search(word) for word in arguments[2:3])
        return "--install" not in arguments or about_manual or (call.certain and _is_installed(call, files))
    if name == "rm":
        return not any(path is None or (place(files, path) or "") in files for path in arguments if path != "-f")
    if name in ("sed", "find", "perl"):
        return not any(word is None or word.startswith(_CHANGING[name]) for word in arguments)
    if name == "dpkg-divert":
        return "--rename" not in arguments or "--remove" in arguments
    if BYTE_COMPILING.fullmatch(name):
        return any(word is None or "compile" in word for word in arguments)
    return _is_placed(call, name, files)


def _is_placed(call: Call, name: str, files: Mapping[str, Entry]) -> bool:
    """Tell whether a plain command is followed; one about a file of the script's own is done with it, or without."""
    if name not in _PLAIN:
        return False
    if call.certain and placed(call, files) is not None:
        return True
    return not call.certain and name in ("mkdir", "touch", "chmod")


def _is_installed(call: Call, files: Mapping[str, Entry]) -> bool:
    alternative = alternative_of(call.words)
    return alternative is not None and find(files, alternative.path) is not None


def _command(call: Call) -> str:
    return (call.words[0] or "").rpartition("/")[2] if call.words else ""


def _named(call: Call) -> tuple[str, str]:
    """Return how a call is named, and what it is: a form of `_FORMS`, or what it means that it is not done."""
    name = _command(call)
    if call.writes:
        return f"`{call.writes[0]}`" if call.writes[0] else "a file", "write"
    if name == "update-alternatives" and (alternative := alternative_of(call.words)) and call.certain:
        return f"`{alternative.path}`, which is not there,", "offer"
    if name == ".":
        return f"`{call.words[1]}`" if len(call.words) > 1 and call.words[1] else "a file", "run"
    return f"`{name}`" if name else "what is not known", MEANINGS.get(name, "call")


def _joined(undone: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Join what is of one kind: first what has a meaning."""
    groups: dict[str, list[str]] = {}
    for name, meaning in undone:
        several = groups.setdefault(meaning, [])
        if name not in several:
            several.append(name)
    yield from groups.pop("", ())
    words = [f"{kind} {_listed(groups.pop(kind))}" for kind in ("call", *_FORMS) if kind in groups]
    meant = [f"call {_listed(names)} ({meaning})" for meaning, names in groups.items()]
    if meant or words:
        yield f"its scripts {' and '.join((*meant, *words))}, which is not done"


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:_NAMED], *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])]
    return listed(shown)
