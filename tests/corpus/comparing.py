"""Knows whether wheels are taken, and laid out as uv and pip lay them out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.installers import Installer
from corpus.listed import Listed
from corpus.trees import Looked, Tree, false_rows, is_own, look, pieces_of
from onedigest.assembler import VENV
from onedigest.assembler.entry import Entry
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries

_NUMBERED = re.compile(r"bin/easy_install-\d+\.\d+")
"""A launcher that pip, and this project, name after the Python that is there; in uv it has the name that the wheel has."""
_TOGETHER = 40
"""How many wheels one run of an installer gets."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A wheel that is taken, and its files."""

    wheel: Listed
    path: Path
    tree: Tree


def take(wheel: Listed, path: Path) -> Taken | str:
    """Return what a wheel gives, or in words what is not as it is listed; nothing where it is to be refused."""
    told: list[str] = []
    try:
        entries = wheel_entries(path, wheel.python, tell=told.append)
        files = {entry.path.removeprefix(f"{VENV}/"): _looked(entry) for entry in entries}
    except Refused as refused:
        return "" if wheel.refusal == refused.code else f"refused: {refused}"
    if wheel.refusal:
        return f"taken, though it is to be refused ({wheel.refusal})"
    if bool(told) != wheel.is_told:
        return f"told: {told}"
    record = entries[-1]
    text = b"".join(pieces_of(record)).decode()
    if wrong := false_rows(files, record.path.removeprefix(f"{VENV}/"), text):
        return f"its RECORD is false: {'; '.join(wrong[:3])}"
    return Taken(wheel, path, {path: file.said for path, file in files.items() if not is_own(path)})


def _looked(entry: Entry) -> Looked:
    algorithm = (entry.digest or "sha256").partition("=")[0]
    return look(entry.path.removeprefix(f"{VENV}/"), entry.mode, pieces_of(entry), algorithm)


def differences(taken: Sequence[Taken], installers: Sequence[Installer], pythons: Mapping[str, str]) -> Iterator[str]:
    """Yield what differs between these wheels here, and as each installer lays them out."""
    for installer in installers:
        for group in _groups([each for each in taken if installer.name not in each.wheel.refused_by]):
            yield from _compared(group, installer, pythons[group[0].wheel.python])


def _compared(group: Sequence[Taken], installer: Installer, python: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            theirs = installer.install([each.path for each in group], python, Path(folder) / "venv")
        except ValueError as error:
            failure = str(error)
        else:
            yield from _differing(group, theirs, installer.name)
            return
    if len(group) == 1:
        yield f"{group[0].wheel.requirement}: {installer.name}: {failure}"
        return
    half = len(group) // 2
    for part in (group[:half], group[half:]):
        yield from _compared(part, installer, python)


def _differing(group: Sequence[Taken], theirs: Tree, installer: str) -> Iterator[str]:
    owners = {path: each.wheel.requirement for each in group for path in each.tree}
    ours = {path: what for each in group for path, what in each.tree.items()}
    for path in sorted({*ours, *theirs}):
        if installer == "uv" and _NUMBERED.fullmatch(path):
            continue
        if ours.get(path) != theirs.get(path):
            here, there = (tree.get(path, "not there") for tree in (ours, theirs))
            yield f"{owners.get(path, 'one of several')}: {path}: {here}, {installer}: {there}"


def _groups(taken: Sequence[Taken]) -> Iterator[list[Taken]]:
    """Yield wheels that can be installed side by side: for one Python, no two of one project or with one path."""
    left = list(taken)
    while left:
        group: list[Taken] = []
        held: set[str] = set()
        for each in left:
            has = {each.wheel.name, *each.tree}
            if len(group) < _TOGETHER and each.wheel.python == left[0].wheel.python and not held & has:
                group.append(each)
                held |= has
        yield group
        left = [each for each in left if each not in group]
