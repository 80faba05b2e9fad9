"""The values that the keys of `[tool.onedigest]` may have.

Each check returns the value as a spec has it, and raises ValueError with what is wrong about it.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from onedigest import platforms
from onedigest.assembler.entry import HIGHEST_ID
from onedigest.assembler.file_tree import check_pattern
from onedigest.definition.key import nearest
from onedigest.platforms import Platform
from onedigest.untrusted import normalized_name, project_name, quoted

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

MOST_LAYERS = 120
"""Registries and snapshotters stop at 127; a few are left to those who build on the image."""

FEWEST_LAYERS = 6

RULES = ("docker", "bazel", "nix")
"""What rules can be generated for."""

LONGEST_NAME = 128
"""Of an image, as of a tag."""

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_USER = re.compile(r"(\d{1,9})(?::(\d{1,9}))?", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_REPOSITORY = re.compile(r"[a-zA-Z0-9.-]+(?::\d{1,5})?(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+", re.ASCII)

MOST = 10_000
"""How many values a list or a table may have."""

_MOST_WRONG = 20
"""How many wrong values of one list are named."""

LONGEST_COMMAND = 128 << 10
"""What one argument of a program may have on Linux (MAX_ARG_STRLEN)."""

LONGEST_PATH, LONGEST_PART = 4096, 255
"""PATH_MAX and NAME_MAX of Linux."""

MOST_FOLDERS = 64
"""How many folders an absolute target may have."""

VERSIONS = re.compile(r"(?:!=|[A-Za-z0-9.,*+=<>~ _-]){1,200}", re.ASCII)
"""What a specifier may be made of that is shown in a command to be copied: another `!` is one of a shell's history."""

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
"""What a line of a Dockerfile cannot hold."""


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")
    return value


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a string")
    _refuse_unwritable(value)
    return value


def strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("is not a list of strings")
    _refuse_many(value)
    for item in value:
        _refuse_unwritable(item)
    return tuple(value)


def string_set(value: Any) -> tuple[str, ...]:
    return tuple(sorted(set(strings(value))))


def image_name(value: Any) -> str:
    name = string(value)
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ValueError(
            f"is {quoted(name)}, but a name has lower-case letters and digits with single `.`, `_` or `-` between"
        )
    return name


def base(value: Any) -> str:
    base = string(value)
    if not base or re.search(r"\s", base) or CONTROL.search(base):
        raise ValueError("is neither `debian`, `debian:SUITE` nor the reference of an image")
    return base


def platform_set(value: Any) -> tuple[Platform, ...]:
    """Return platforms, of which each may be written in other ways too, several with commas between them."""
    texts = strings([value] if isinstance(value, str) else value)
    names = sorted({name for text in texts for name in platforms.split(text)})
    found = {name: platforms.BY_NAME.get(platforms.canonical_name(name)) for name in names}
    wrong = [name for name, platform in found.items() if platform is None]
    if wrong or not names:
        known = ", ".join(f"`{name}`" for name in platforms.BY_NAME)
        plain = ", without variants" if any(platforms.is_variant(name) for name in wrong) else ""
        shown = ", ".join(map(quoted, wrong[:_MOST_WRONG])) or "nothing in it"
        raise ValueError(f"has {shown}; known are {known}{plain}")
    return tuple(sorted({platform for platform in found.values() if platform}))


def rule_set(value: Any) -> tuple[str, ...]:
    names = string_set(value)
    if wrong := [name for name in names if name not in RULES]:
        known = ", ".join(f"`{name}`" for name in RULES)
        near = nearest(wrong[0], RULES)
        meant = f"; did you mean `{near}`?" if near else ""
        raise ValueError(f"has {', '.join(map(quoted, wrong[:_MOST_WRONG]))}; known are {known}{meant}")
    return tuple(name for name in RULES if name in names)


def debian_packages(value: Any) -> tuple[str, ...]:
    names = string_set(value)
    if removed := [name for name in names if _PACKAGE.fullmatch(name[:-1]) and name.endswith("-")]:
        raise ValueError(
            f"has {', '.join(map(quoted, removed[:_MOST_WRONG]))}, but nothing is removed: what other packages need is"
            " there, and so are Debian's essential packages; leave it out"
        )
    if wrong := [name for name in names if not _PACKAGE.fullmatch(name)]:
        raise ValueError(
            f"has {', '.join(map(quoted, wrong[:_MOST_WRONG]))}, which cannot be the name of a Debian package"
        )
    return names


def repository(value: Any) -> str:
    repository = string(value)
    if not _REPOSITORY.fullmatch(repository) or len(repository) > LONGEST_PART:
        raise ValueError(
            f"is {quoted(repository)}, but must be HOST/NAME without tag or digest, such as ghcr.io/acme/penguins"
        )
    return repository


def file_patterns(value: Any) -> tuple[str, ...]:
    patterns = string_set(value)
    for pattern in patterns:
        check_pattern(pattern, quoted)
    return patterns


def script_patterns(value: Any) -> tuple[str, ...]:
    """Return patterns of files of a project, in the order that they are written in."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("is not a list of strings")
    _refuse_many(value)
    try:
        for pattern in value:
            check_pattern(pattern, quoted)
    except ValueError as error:
        raise ValueError(str(error).replace("the script's folder", "the project")) from None
    return tuple(value)


def versions(value: Any) -> SpecifierSet:
    """Return version specifiers (PEP 440) that a command may repeat."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not isinstance(value, str):
        raise ValueError("is not a string")
    try:
        if VERSIONS.fullmatch(value):
            return SpecifierSet(value)
    except InvalidSpecifier:
        pass
    raise ValueError(f"is not a version specifier: {quoted(value)}")


def copies(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError("is not a table")
    pairs: list[tuple[str, str]] = []
    for target, several in value.items():
        if not isinstance(several, str | list) or not all(isinstance(each, str) for each in several):
            raise ValueError(f"has neither a string nor a list of strings for {quoted(target)}")
        pairs += [(target, source) for source in ([several] if isinstance(several, str) else several)]
    _refuse_many(pairs)
    for target in value:
        is_plain = target == "/" or _is_plain_path(target.removeprefix("/"))
        if ".." in target.split("/") or "=" in target or not is_plain or target == "/.":
            raise ValueError(
                f"has the target {quoted(target)}, which is no plain path, absolute or below the application's folder"
            )
        if target.startswith("/") and target.count("/") > MOST_FOLDERS:
            raise ValueError(f"has the target {quoted(target)}, which has more than {MOST_FOLDERS} folders")
    for _, source in pairs:
        if not _is_plain_path(source):
            raise ValueError(f"has the source {quoted(source)}, which is not a plain path from the script's folder")
    return tuple(sorted(set(pairs)))


def copies_from(folder: str, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return copies whose targets below a folder are paths from there; other absolute ones stay."""
    above = f"{folder}/"
    shorter = ((target.removeprefix(above) if target != folder else ".", source) for target, source in pairs)
    return tuple(sorted(set(shorter)))


def written_copies(pairs: tuple[tuple[str, str], ...]) -> dict[str, str | list[str]]:
    """Return copies as a script has them."""
    found: dict[str, list[str]] = {}
    for target, source in pairs:
        found.setdefault(target, []).append(source)
    return {target: each[0] if len(each) == 1 else each for target, each in found.items()}


def project_path(value: Any) -> str:
    path = string(value)
    if path and not _is_plain_path(posixpath.normpath(path)):
        raise ValueError(f"is {quoted(path)}, which is not a plain path from the script's folder")
    return path


def pairs(names: re.Pattern[str], value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError("is not a table of strings")
    if others := [key for key, item in value.items() if not isinstance(item, str)]:
        raise ValueError(f"is not a table of strings: write the value of {quoted(others[0])} in quotes")
    _refuse_many(value)
    for key, item in value.items():
        if not names.fullmatch(key):
            raise ValueError(f"has the name {quoted(key)}, which cannot be set")
        _refuse_unwritable(item)
        if CONTROL.search(item):
            raise ValueError(f"has a line break or another control character in the value of {quoted(key)}")
    return tuple(sorted(value.items()))


def commands(value: Any) -> tuple[str, ...]:
    commands = strings(value)
    for command in commands:
        if len(command) > LONGEST_COMMAND:
            raise ValueError(f"has a command of more than {LONGEST_COMMAND} characters")
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"has {quoted(command)}, which cannot be split into words: {error}") from None
        if not words:
            raise ValueError("has an empty command")
    return commands


def user(value: Any) -> str:
    match = _USER.fullmatch(string(value))
    if not match:
        raise ValueError(f"is {quoted(value)}, but must be UID or UID:GID in digits")
    uid, gid = int(match[1]), int(match[2] or match[1])
    if max(uid, gid) > HIGHEST_ID:
        raise ValueError(f"is {quoted(value)}, but no layer can have files of a number above {HIGHEST_ID}")
    return f"{uid}:{gid}"


def absolute_folder(value: Any) -> str:
    folder = string(value)
    is_plain = folder == "/" or (posixpath.normpath(folder) == folder and _is_plain_path(folder[1:]))
    if not folder.startswith("/") or not is_plain:
        raise ValueError(f"is {quoted(folder)}, but must be an absolute path without `.`, `..` or a slash at its end")
    return folder


def layer_count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not FEWEST_LAYERS <= value <= MOST_LAYERS:
        raise ValueError(f"is not a number from {FEWEST_LAYERS} to {MOST_LAYERS}")
    return value


def _is_plain_path(path: str) -> bool:
    """Tell whether a relative path has no other form, and can be that of a file."""
    return (
        posixpath.normpath(path) == path
        and not path.startswith("/")
        and not CONTROL.search(path)
        and len(path) <= LONGEST_PATH
        and all(len(part.encode(errors="replace")) <= LONGEST_PART for part in path.split("/"))
    )


def _refuse_many(values: Collection[Any]) -> None:
    if len(values) > MOST:
        raise ValueError(f"has more than {MOST} values")


def _refuse_unwritable(text: str) -> None:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds what is no character of Unicode")


def project_names(value: Any) -> tuple[str, ...]:
    """Return names of projects, each once, normalized (PEP 503) and sorted."""
    if isinstance(value, str):
        raise ValueError(f'is not a list of strings: write `["{project_name(value)}"]`')
    return tuple(
        sorted({normalized_name(re.sub(r"[-_.]+", "-", project_name(each)).lower()) for each in strings(value)})
    )
