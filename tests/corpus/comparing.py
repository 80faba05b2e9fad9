"""Knows whether wheels are taken, and laid out as uv and pip lay them out."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.listed import Listed
from corpus.trees import Installer, Tree, content_of, false_rows, tree_of_ours
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries

_TOGETHER = 60
"""How many wheels are installed by one run of an installer."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A wheel that is taken: its files, and what is told about it."""

    wheel: Listed
    path: Path
    tree: Tree
    told: list[str] = field(default_factory=list)


def take(wheel: Listed, path: Path) -> Taken | str:
    """Return what a wheel is taken as, or what is wrong with that."""
    told: list[str] = []
    try:
        entries = wheel_entries(path, wheel.python)
        files = {entry.path: content_of(entry) for entry in entries}
    except Refused as refused:
        return "" if wheel.refusal == refused.code else f"refused: {refused}"
    if wheel.refusal:
        return f"taken, and not refused ({wheel.refusal})"
    if bool(told) != wheel.is_told:
        return f"told: {told}"
    record = next(each for each in files if each.endswith(".dist-info/RECORD"))
    if wrong := false_rows(files, record):
        return f"its RECORD is false: {'; '.join(wrong[:3])}"
    return Taken(wheel, path, tree_of_ours(entries), told)


def differences(taken: Sequence[Taken], installers: Sequence[Installer], pythons: dict[str, str]) -> Iterator[str]:
    """Yield what differs between these wheels here, and as each installer lays them out."""
    for group in _groups(taken):
        for installer in installers:
            yield from _compared(group, installer, pythons)


def _compared(group: list[Taken], installer: Installer, pythons: dict[str, str]) -> Iterator[str]:
    names = ", ".join(each.wheel.requirement for each in group)
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            python = pythons[group[0].wheel.python]
            theirs = installer.install([each.path for each in group], python, Path(folder) / "venv")
        except ValueError as error:
            if len(group) == 1:
                yield f"{names}: {error}"
            else:
                for one in group:
                    yield from _compared([one], installer, pythons)
            return
    owners = {path: each.wheel.requirement for each in group for path in each.tree}
    ours = {path: what for each in group for path, what in each.tree.items()}
    for path in sorted({*ours, *theirs}):
        if ours.get(path) != theirs.get(path):
            yield (
                f"{owners.get(path, names)}: {path}: {ours.get(path, 'not there')} here, "
                f"{theirs.get(path, 'not there')} by {installer.name}"
            )


def _groups(taken: Sequence[Taken]) -> Iterator[list[Taken]]:
    """Yield wheels that can be installed side by side: for one Python, and no two with one path or of one project."""
    left = list(taken)
    while left:
        group: list[Taken] = []
        held: set[str] = set()
        for each in left:
            has = {*each.tree, each.wheel.name.lower()}
            if len(group) < _TOGETHER and each.wheel.python == left[0].wheel.python and not held & has:
                group.append(each)
                held |= has
        yield group
        left = list(itertools.filterfalse(group.__contains__, left))
