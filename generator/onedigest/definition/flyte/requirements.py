"""Requirements files, and the arguments of `uv pip install` that choose packages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from onedigest.checkout import decoded
from onedigest.definition.flyte.local_requirements import LocalFolders
from onedigest.definition.flyte.named_files import read_source
from onedigest.definition.spec import requirement
from onedigest.definition.values import CONTROL
from onedigest.errors import InputError, Problem
from onedigest.untrusted import DEEPEST, quoted, without_secrets

MOST_FILES = 1000
MOST_BYTES = 16 << 20
"""How many requirements files are read, and how much of them together."""

_LONGEST_LINE = 1 << 20
_MOST_PROBLEMS = 100

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
class FlyteRequirements:
    """What is asked of the packages of an image, as it is gathered.

    `hashes` are those that a file allows, by project; `files` are those that were read. `choices` is how often
    something took an index in the place of the usual one.
    """

    packages: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    default_index: str = ""
    choices: int = 0
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
        self.choices += 1


def split_words(text: str, where: str) -> list[str]:
    """Split `extra_args` as a shell would. Raises `InputError`."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError.of(f"`extra_args` cannot be split into words: {error}", where=where) from None


def take_arguments(text: str, wanted: FlyteRequirements, where: str) -> None:
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
            f"`{without_secrets(word)}` in `extra_args` has no place in a lock",
            where=where,
            hint="leave it out; settings of uv stand in [tool.uv] of the script",
        )


def _take(name: str, value: str, wanted: FlyteRequirements, where: str) -> None:
    if name in _SETTINGS:
        wanted.settings[_SETTINGS[name]] = value
    elif name in _INDEXES:
        wanted.indexes.append(value)
    elif name in _LINKS:
        wanted.find_links.append(value)
    else:
        wanted.choose_index(value, where)


def read_requirements(path: Path, shown: str, folders: LocalFolders, wanted: FlyteRequirements) -> None:
    """Take a requirements file below a root, with those that it names. Raises `InputError` with all problems."""
    reading = _Reading(wanted, folders)
    reading.read(path, shown, wanted.packages, 0)
    if reading.problems:
        raise InputError(reading.problems)


class _Reading:
    """Reads a requirements file and those that it names, each once for packages and once for constraints."""

    def __init__(self, wanted: FlyteRequirements, folders: LocalFolders) -> None:
        self.problems: list[Problem] = []
        self._wanted = wanted
        self._folders = folders
        self._done: set[tuple[Path, bool]] = set()
        self._left = MOST_BYTES

    def read(self, path: Path, shown: str, into: list[str], depth: int) -> None:
        try:
            key = (path.resolve(), into is self._wanted.constraints)
            if key in self._done:
                return
            self._done.add(key)
            if depth > DEEPEST or len(self._done) > MOST_FILES:
                raise InputError.of(
                    f"is one of too many files that name each other: {DEEPEST} deep, {MOST_FILES} in all"
                )
            data = read_source(path, self._folders.root, shown, self._left)
            self._left -= len(data)
            text = decoded(data, shown).removeprefix("\ufeff")
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a name that no file has
            self.problems.append(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", shown))
            return
        except InputError as error:
            self.problems += [each if each.where else replace(each, where=shown) for each in error.problems]
            return
        self._wanted.files.append(path)
        self.parse(text, path, shown, into, depth)

    def parse(self, text: str, path: Path, shown: str, into: list[str], depth: int) -> None:
        constraints = self._wanted.constraints
        others = {"-r": into, "--requirement": into, "-c": constraints, "--constraint": constraints}
        for number, line in _lines(text):
            where = f"{shown}:{number}"
            if len(self.problems) >= _MOST_PROBLEMS:
                return
            if len(line) > _LONGEST_LINE:
                self.problems.append(Problem(f"has a line of more than {_LONGEST_LINE} characters", where))
                continue
            option, _, value = line.partition(" ") if " " in line else line.partition("=")
            named = others.get(option)
            if named is not None:
                name = value.strip()
                if "://" in name:
                    message = f"{quoted(name)} is an address, and a lock has no place for what changes there"
                    self.problems.append(Problem(message, where, "keep the file in the project"))
                    continue
                if CONTROL.search(name):
                    self.problems.append(Problem(f"{quoted(name)} holds a control character", where))
                    continue
                self.read(path.parent / name, f"{Path(shown).parent / name}", named, depth + 1)
            elif line.startswith("-") and not line.startswith(("-e", "--editable")):
                self.problems += _take_option(line, where, self._wanted)
            else:
                self._take_requirement(line, where, path.resolve().parent, into)

    def _take_requirement(self, line: str, where: str, base: Path, into: list[str]) -> None:
        hashes = {f"{kind}:{value.lower()}" for kind, value in _HASH.findall(line)}
        try:
            found = requirement(self._folders.named(_HASH.sub("", line), base, where))
        except InputError as error:
            self.problems += error.problems
            return
        into.append(str(found))
        if hashes:
            self._wanted.hashes.setdefault(canonicalize_name(found.name), set()).update(hashes)


def _take_option(line: str, where: str, wanted: FlyteRequirements) -> list[Problem]:
    try:
        take_arguments(line, wanted, where)
    except InputError as error:
        return [
            replace(each, message=each.message.replace("`extra_args`", "a requirements file"))
            for each in error.problems
        ]
    return []


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
