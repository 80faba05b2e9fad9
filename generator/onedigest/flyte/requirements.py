"""Knows requirements files, and the arguments of `uv pip install` that choose packages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onedigest.errors import InputError, Problem

_HASH = re.compile(r"\s--hash[= ](\w+):([0-9a-fA-F]+)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_HARMLESS = frozenset(
    {"--upgrade", "-U", "--no-cache", "--no-cache-dir", "--quiet", "-q", "--verbose", "-v", "--require-hashes"}
)
_SETTINGS = {
    "--index-strategy": "index-strategy",
    "--prerelease": "prerelease",
    "--resolution": "resolution",
    "--exclude-newer": "exclude-newer",
    "--keyring-provider": "keyring-provider",
}
"""Arguments that are a setting of uv under another name."""
_DEFAULT_INDEX = ("--index-url", "-i", "--default-index")
_INDEXES = ("--extra-index-url", "--index")
_LINKS = ("--find-links", "-f")
_WITH_VALUE = (*_SETTINGS, *_DEFAULT_INDEX, *_INDEXES, *_LINKS)


@dataclass(slots=True)
class Wanted:
    """What is asked of the packages of an image, as it is gathered.

    `hashes` are those that a file allows, by project; `files` are those that were read.
    """

    packages: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    default_index: str = ""
    find_links: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, set[str]] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def choose_index(self, url: str, where: str) -> None:
        """Take an index in the place of the usual one. Raises `InputError` where there are two."""
        if self.default_index not in ("", url):
            raise InputError.of(
                "two steps have different `index_url`s, and all packages of an image are resolved together",
                where=where,
                hint="name one of them in `extra_index_urls`",
            )
        self.default_index = url


def split_words(text: str, where: str) -> list[str]:
    """Split `extra_args` as a shell would. Raises `InputError`."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError.of(f"`extra_args` cannot be split into words: {error}", where=where) from None


def take_arguments(text: str, wanted: Wanted, where: str) -> None:
    """Take the arguments of `uv pip install`. Raises `InputError` for those that a lock has no place for."""
    rest = iter(split_words(text, where))
    for word in rest:
        name, equals, value = word.partition("=")
        if word in _HARMLESS:
            continue
        if word == "--pre":
            wanted.settings["prerelease"] = "allow"
            continue
        if name in _WITH_VALUE:
            _take(name, value if equals else next(rest, ""), wanted, where)
            continue
        raise InputError.of(
            f"`{word}` in `extra_args` has no place in a lock",
            where=where,
            hint="leave it out; settings of uv stand in [tool.uv] of the script",
        )


def _take(name: str, value: str, wanted: Wanted, where: str) -> None:
    if name in _SETTINGS:
        wanted.settings[_SETTINGS[name]] = value
    elif name in _INDEXES:
        wanted.indexes.append(value)
    elif name in _LINKS:
        wanted.find_links.append(value)
    else:
        wanted.choose_index(value, where)


def read_requirements(path: Path, shown: str, wanted: Wanted) -> None:
    """Take a requirements file, with the files that it names. Raises `InputError` with all independent problems."""
    problems: list[Problem] = []
    _read(path, shown, wanted, problems, wanted.packages, ())
    if problems:
        raise InputError(problems)


def parse_requirements(text: str, shown: str, wanted: Wanted) -> None:
    """Take the text of a requirements file that names no other. Raises `InputError` with all independent problems."""
    problems: list[Problem] = []
    _parse(text, Path(), shown, wanted, problems, wanted.packages, ())
    if problems:
        raise InputError(problems)


def _read(
    path: Path, shown: str, wanted: Wanted, problems: list[Problem], into: list[str], above: tuple[Path, ...]
) -> None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problems.append(Problem(f"cannot be read: {error.strerror}", shown))
        return
    wanted.files.append(path)
    _parse(text, path, shown, wanted, problems, into, above)


def _parse(
    text: str,
    path: Path,
    shown: str,
    wanted: Wanted,
    problems: list[Problem],
    into: list[str],
    above: tuple[Path, ...],
) -> None:
    for number, line in _lines(text):
        option, _, value = line.partition(" ") if " " in line else line.partition("=")
        named = {"-r": into, "--requirement": into, "-c": wanted.constraints, "--constraint": wanted.constraints}.get(
            option
        )
        if named is not None:
            inner = path.parent / value.strip()
            if inner not in above:
                _read(inner, f"{Path(shown).parent / value.strip()}", wanted, problems, named, (*above, path))
        elif line.startswith("-"):
            problems += _take_option(line, f"{shown}:{number}", wanted)
        else:
            _take_requirement(line, f"{shown}:{number}", wanted, problems, into)


def _take_option(line: str, where: str, wanted: Wanted) -> list[Problem]:
    if line.startswith(("-e", "--editable")):
        return [Problem("a local project is no wheel", where, "build a wheel of it, and name that")]
    try:
        take_arguments(line, wanted, where)
    except InputError as error:
        return [
            replace(each, message=each.message.replace("`extra_args`", "a requirements file"))
            for each in error.problems
        ]
    return []


def _take_requirement(line: str, where: str, wanted: Wanted, problems: list[Problem], into: list[str]) -> None:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    hashes = {f"{kind}:{value.lower()}" for kind, value in _HASH.findall(line)}
    text = _HASH.sub("", line).strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        message = f"{text!r} is not a requirement: {str(error).splitlines()[0]}"
        problems.append(Problem(message, where, "name a package as `name==1.2`, or a wheel as `name @ URL`"))
        return
    into.append(str(requirement))
    if hashes:
        wanted.hashes.setdefault(canonicalize_name(requirement.name), set()).update(hashes)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a requirements file that say something, with their numbers and what continues them."""
    held, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        first = first or number
        stripped = _COMMENT.sub("", line).rstrip()
        if stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        if whole := (held + stripped).strip():
            yield first, whole
        held, first = "", 0
