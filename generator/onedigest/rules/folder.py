"""The files of a lock folder: those its images ask for, how they are written, and whether they are up to date."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from onedigest import formats, header
from onedigest.errors import InputError, Problem
from onedigest.rules import files as rule_files
from onedigest.rules.image import stale_file, unasked_file
from onedigest.rules.merged import merged_texts, refuse_lost_targets, stale_merged
from onedigest.rules.model import DOCKER, GIT_FILES, OWN, Rules, StaleFile, folder_files, own_files
from onedigest.rules.shared import render_shared
from onedigest.store import exclusive


def write_folder(rules: Sequence[Rules], folder: Path, *, everything: bool = False) -> tuple[list[str], list[str]]:
    """Write the files that the images of a folder ask for, and remove those that none asks for any more.

    These images were rendered now, and their own files are written. Return the paths that changed, and those of files
    that are not of onedigest and were left. Raises `InputError` for a bake file that cannot be read, unless these are
    `everything` that is to be in it.
    """
    with exclusive(folder):
        kinds = asked_kinds(rules, folder)
        if DOCKER in kinds and not everything:
            refuse_lost_targets(folder, [each.name for each in rules])
        changed = rule_files.write(folder, {**render_shared(folder, kinds), **merged_texts(rules, folder, kinds)})
        removed, left = rule_files.remove(folder, _unasked(kinds))
    return sorted([*changed, *removed]), left


def stale_folder(rules: Sequence[Rules], folder: Path) -> Iterator[StaleFile]:
    """Yield the files of a folder that are not up to date, of whose images these were rendered now."""
    kinds = asked_kinds(rules, folder)
    yield from stale_shared(folder, kinds)
    yield from stale_merged(rules, folder, kinds)
    for name in _unasked(kinds):
        text = rule_files.read(folder / name)
        if text is not None and rule_files.is_ours(folder / name):  # nothing reads what somebody else has there
            yield unasked_file(name, text)


def stale_shared(folder: Path, kinds: Collection[str]) -> Iterator[StaleFile]:
    """Yield the shared files of some kinds of rules that are not up to date."""
    for path, expected in render_shared(folder, kinds).items():
        text = rule_files.read(folder / path)
        if text != expected:
            yield stale_file(path, text)


def refuse_unwritable(folder: Path, kinds: Collection[str], names: Collection[str], *, everything: bool) -> None:
    """Raise `InputError` where to generate images of some names would replace a file of somebody else's.

    A bake file that cannot be read is replaced by that of `everything` alone, and rules of a newer release by none.
    """
    _refuse_newer(folder, names)
    rule_files.refuse_foreign(folder, (*GIT_FILES, *folder_files(kinds)))
    if DOCKER in kinds and not everything:
        refuse_lost_targets(folder, names)


def _refuse_newer(folder: Path, names: Collection[str]) -> None:
    from onedigest.lock.metadata import installing, stated

    problems = []
    for name in sorted(names):
        found = {path: rule_files.read(folder / name / path) or "" for path in (*own_files(OWN), formats.LOCK_FILE)}
        version = stated(found.pop(formats.LOCK_FILE)).version
        for path, text in found.items():
            number = header.stated_format(text) or 0
            if number > formats.RULES:
                written = f"in rules format {number}; this version writes {formats.RULES}"
                message = f"a newer release wrote it, {written}"
                problems.append(Problem(message, f"{folder.name}/{name}/{path}", f"run `{installing(version)}`"))
                break
    if problems:
        raise InputError(problems)


def asked_kinds(rules: Sequence[Rules], folder: Path) -> tuple[str, ...]:
    """Return the kinds of rules that images of a folder ask for: as they were rendered now, or as files are there."""
    rendered = {each.name for each in rules}
    found = {kind for each in rules for kind in each.kinds}
    for kind, (first, *_) in OWN.items():
        found |= {kind for path in folder.glob(f"*/{first}") if _is_of_other(path, rendered)}
    return tuple(kind for kind in OWN if kind in found)


def _is_of_other(path: Path, rendered: Collection[str]) -> bool:
    """Tell whether a file is a generated one of an image that was not rendered now."""
    if path.parent.name in rendered or not (path.parent / formats.LOCK_FILE).is_file():
        return False
    return rule_files.is_ours(path)


def _unasked(kinds: Collection[str]) -> list[str]:
    asked = folder_files(kinds)
    return [name for name in folder_files(OWN) if name not in asked]
