"""The file in which all images of a lock folder have a part, and which keeps the parts not generated now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from onedigest import formats, merge_conflicts
from onedigest.errors import InputError
from onedigest.rules import bake
from onedigest.rules import files as rule_files
from onedigest.rules.dockerfile import FILE_NAME as DOCKERFILE
from onedigest.rules.dockerfile import bake_target
from onedigest.rules.files import Files
from onedigest.rules.model import DOCKER, Rules, StaleFile


def merged_texts(rules: Sequence[Rules], folder: Path, kinds: Collection[str]) -> Files:
    """Return the text of the file of all images: with the parts rendered now, and those that are there of others."""
    return {bake.FILE_NAME: _bake_text(rules, folder)} if DOCKER in kinds else {}


def stale_merged(rules: Sequence[Rules], folder: Path, kinds: Collection[str]) -> Iterator[StaleFile]:
    """Yield what is not up to date in the file of all images, of which these were rendered now.

    The parts of other images count as they are there, as long as they are intact.
    """
    for name, expected in merged_texts(rules, folder, kinds).items():
        text = rule_files.read(folder / name)
        if text is None:
            yield StaleFile(name, "is missing")
        elif merge_conflicts.first_line(text):
            yield StaleFile(name, merge_conflicts.MARKS, edited=True)
        elif text != expected:
            number = bake.stated_format(text)
            if number != formats.RULES and number is not None:
                yield StaleFile(name, "is out of date", number)
                continue
            found = list(_stale_targets(rules, text, folder))
            yield from (StaleFile(name, each, number) for each in found or ["was changed by hand"])


def refuse_lost_targets(folder: Path, names: Collection[str]) -> None:
    """Raise `InputError` for a bake file that cannot be read, where images besides those of some names have targets."""
    text = rule_files.read(folder / bake.FILE_NAME)
    others = _present(folder) - {bake_target(name) for name in names}
    if text is not None and others and not bake.is_readable(text):
        wrong = merge_conflicts.MARKS if merge_conflicts.first_line(text) else "cannot be read"
        raise InputError.of(
            f"{wrong}, so the targets of other images would be lost: {', '.join(sorted(others))}",
            where=f"{folder.name}/{bake.FILE_NAME}",
            hint="run `onedigest generate --all`, which writes it anew",
        )


def _bake_text(rules: Sequence[Rules], folder: Path) -> str:
    targets = bake.read_targets(rule_files.read(folder / bake.FILE_NAME))
    targets |= {each.bake.name: each.bake for each in rules if each.bake}
    present = _asking(rules, folder)
    return bake.render_bake([each for name, each in targets.items() if name in present], folder.name)


def _stale_targets(rules: Sequence[Rules], text: str, folder: Path) -> Iterator[str]:
    targets = bake.read_targets(text)
    if bake.render_bake(targets.values(), folder.name) != text:
        yield "was changed by hand"
    for each in rules:
        if each.bake is None:
            continue
        target = targets.get(each.bake.name)
        if target is None:
            yield f"has no target for {each.name}"
        elif target != each.bake:
            how = "is out of date" if target.is_intact() else "was changed by hand"
            yield f"the target of {each.name} {how}"
    for name in sorted(targets.keys() - _asking(rules, folder)):
        yield f"has the target `{name}`, which no image asks for"


def _asking(rules: Sequence[Rules], folder: Path) -> set[str]:
    """Return the bake targets that the images of a folder have, rendered now or as they are there."""
    rendered = {bake_target(each.name) for each in rules}
    return (_present(folder) - rendered) | {each.bake.name for each in rules if each.bake}


def _present(folder: Path) -> set[str]:
    """Return the bake targets of the images with a Dockerfile that are there."""
    found = folder.glob(f"*/{formats.LOCK_FILE}")
    return {bake_target(path.parent.name) for path in found if (path.parent / DOCKERFILE).is_file()}
