"""The wheels of build requirements that fit machines which may build, and those that one machine takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from onedigest.errors import InputError, Problem
from onedigest.from_source.declared_sources import NOTHING, DeclaredSources
from onedigest.from_source.model import BuildRequirement, PinnedFile

OLDEST = 11
"""The oldest CPython 3.N that may build."""

_INTERPRETER = re.compile(r"py3\d*|cp3(?P<minor>\d+)")
_PLATFORM = re.compile(r"(?:manylinux|musllinux|linux)\w*_(?:x86_64|aarch64)|macosx_\w+_(?:x86_64|arm64|universal2)")


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildNeed:
    """Whose requirements they are: the project, what messages are about, and what [tool.uv] says of its build.

    `settings` are those of whoever has it built, `declared` is what it says itself.
    """

    name: str
    where: str
    settings: Mapping[str, Any]
    declared: DeclaredSources = NOTHING


def choose(need: BuildNeed, requires: Iterable[BuildRequirement], tags: Sequence[Tag]) -> list[PinnedFile]:
    """Return the wheel of each requirement that a machine with these tags takes, the best tags first.

    One that has no wheel for a machine of this kind at all, such as one of macOS alone, is none of its requirements.
    Raises `InputError` for one that has none for this Python.
    """
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    found: dict[str, PinnedFile] = {}
    unfit: dict[str, Problem] = {}
    for each in sorted(requires, key=lambda each: Version(each.version), reverse=True):
        fitting = [wheel for wheel in each.wheels if _rank(wheel.name, ranks) < len(ranks)]
        if each.name in found:
            continue
        if fitting:
            found[each.name] = min(fitting, key=lambda wheel: (_rank(wheel.name, ranks), wheel))
        elif any(_is_kin(wheel.name, tags) for wheel in each.wheels):
            unfit[each.name] = _unfit(need, each, tags)
    if problems := [problem for name, problem in sorted(unfit.items()) if name not in found]:
        raise InputError(problems)
    return [found[name] for name in sorted(found)]


def may_build(name: str) -> bool:
    """Tell whether a wheel is for one of the machines that may build."""
    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return False
    return any(_is_taken(tag) for tag in tags)


def _is_taken(tag: Tag) -> bool:
    match = _INTERPRETER.fullmatch(tag.interpreter)
    if match is None or not (tag.platform == "any" or _PLATFORM.fullmatch(tag.platform)):
        return False
    if tag.abi in ("none", "abi3"):
        return True
    return bool(match["minor"]) and int(match["minor"]) >= OLDEST and tag.abi == tag.interpreter


def _rank(name: str, ranks: Mapping[Tag, int]) -> int:
    try:
        return min((ranks[tag] for tag in parse_wheel_filename(name)[3] if tag in ranks), default=len(ranks))
    except InvalidWheelFilename:
        return len(ranks)


def _is_kin(name: str, tags: Sequence[Tag]) -> bool:
    """Tell whether a wheel is for the system and the architecture of tags, whatever their Python."""
    platforms = {tag.platform for tag in tags}
    return any(tag.platform in platforms for tag in parse_wheel_filename(name)[3])


def _unfit(need: BuildNeed, requirement: BuildRequirement, tags: Sequence[Tag]) -> Problem:
    message = f"the build requirement `{requirement.name}` {requirement.version} of `{need.name}` has no wheel for the"
    message += f" Python that builds here ({tags[0].interpreter}, {tags[0].platform})"
    return Problem(message, need.where, "run onedigest with another version of CPython")
