"""Knows what the scripts of Debian packages would do to an image that nothing else does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from onedigest.assembler.configuration.alternatives import alternative_of
from onedigest.assembler.configuration.following import Call
from onedigest.assembler.configuration.maintainer import ARGUMENTS, Unfollowed, architecture_of, calls
from onedigest.assembler.configuration.paths import find, place
from onedigest.assembler.configuration.placing import placed
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry
from onedigest.errors import Problem
from onedigest.lock.base.script_commands import (
    ASKING,
    BYTE_COMPILING,
    DONE,
    MEANINGS,
    REVIEWED,
    WITHOUT_EFFECT,
)

_NAMED = 6
"""How many commands are named of a package; the others are counted."""

_HINT = "if a program needs it, make it with `copy` or `run`, or take a base image that has the package"


def left_undone(packages: Iterable[Package], files: Mapping[str, Entry]) -> list[Problem]:
    """Return what scripts would do beyond what is followed, one problem for each package that has any.

    `files` are those of the system that the packages are in.
    """
    several = sorted(packages, key=lambda package: package.name)
    architecture = architecture_of(several)
    found = []
    for package in several:
        if REVIEWED.fullmatch(package.name):
            continue
        undone = [each for script in ARGUMENTS for each in _undone(package, script, architecture, files)]
        if undone:
            words = "; ".join(_joined(undone))
            found.append(Problem(f"Debian package `{package.name}`: {words}", hint=_HINT))
    return found


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
    if call.writes or not call.words:
        return not call.writes
    if name in ASKING or name in DONE or name in WITHOUT_EFFECT or name.startswith("db_"):
        return True
    if name == "update-alternatives":
        return "--install" not in arguments or (call.certain and _is_installed(call, files))
    if name == "rm":
        return not any(path is None or (place(files, path) or "") in files for path in arguments if path != "-f")
    if name in ("sed", "find", "perl"):
        return not any(word is None or word.startswith(_CHANGING[name]) for word in arguments)
    if name == ".":
        return arguments[:1] == ("/usr/share/debconf/confmodule",)
    if name == "dpkg-divert":
        return "--rename" not in arguments or "--remove" in arguments
    if BYTE_COMPILING.fullmatch(name):
        return any(word is None or "compile" in word for word in arguments)
    return _is_placed(call, name, files)


_CHANGING = {"sed": ("-i", "--in-place"), "find": ("-delete", "-exec"), "perl": ("",)}


def _is_placed(call: Call, name: str, files: Mapping[str, Entry]) -> bool:
    """Tell whether a plain command is followed; one about a file of the script's own is done with it, or without."""
    if name not in (
        "chgrp",
        "chmod",
        "chown",
        "cp",
        "dpkg-statoverride",
        "install",
        "ln",
        "mkdir",
        "mv",
        "touch",
        "ucf",
    ):
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
    """Return how a call is named, and what it means that it is not done."""
    name = _command(call)
    if call.writes:
        return f"`{call.writes[0] or 'a file'}`", "writes"
    if name == "update-alternatives" and (alternative := alternative_of(call.words)) and call.certain:
        return f"`{alternative.path}`", "alternative"
    if name == ".":
        return f"`{call.words[1] if len(call.words) > 1 and call.words[1] else 'a file'}`", "reads"
    return f"`{name}`" if name else "a command that is not known", MEANINGS.get(name, "calls")


_FORMS = {
    "writes": "its scripts write {}, which is not done",
    "alternative": "its alternative {} is not there",
    "reads": "its scripts run what is in {}, which is not done",
    "calls": "its scripts call {}, which is not done",
}


def _joined(undone: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Join what has one meaning."""
    groups: dict[str, list[str]] = {}
    for name, meaning in undone:
        several = groups.setdefault(meaning, [])
        if name not in several:
            several.append(name)
    for meaning, names in groups.items():
        if not meaning:
            yield from names
        elif meaning in _FORMS:
            yield _FORMS[meaning].format(_listed(names))
        else:
            yield f"{_FORMS['calls'].format(_listed(names))}: {meaning}"


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:_NAMED], *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
