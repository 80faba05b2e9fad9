"""Knows the generated files of an image: which there are, how they are rendered, and whether they are up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onedigest import header
from onedigest.application import File
from onedigest.inputs.store import exclusive
from onedigest.lock import codec
from onedigest.lock.model import Lock
from onedigest.plan import Plan
from onedigest.rules import files as rule_files
from onedigest.rules.bake import FILE_NAME as BAKE
from onedigest.rules.bake import BakeTarget, read_targets, render_bake, target_of
from onedigest.rules.dockerfile import FILE_NAME as DOCKERFILE
from onedigest.rules.dockerfile import IGNORE_NAME, bake_target, render_dockerfile
from onedigest.rules.revision import source_digest
from onedigest.spec import Spec

OWN_FILES = (DOCKERFILE, IGNORE_NAME)
"""The files of one image, besides its lock and its record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The generated files of an image, by path from the lock folder, and its part of the bake file."""

    files: rule_files.Files
    target: BakeTarget


def render_rules(spec: Spec, lock: Lock, plan: Plan, files: Sequence[File], folder: Path) -> Rules:
    """Render the files of an image into a lock folder. Raises `InputError`."""
    text = codec.dumps(lock)
    source = source_digest(text, files)
    own = render_dockerfile(spec, lock, plan, source, folder.name)
    texts = {codec.FILE_NAME: text, **own}
    return Rules(
        files={f"{spec.name}/{name}": each for name, each in texts.items()},
        target=target_of(spec, plan, source, folder.name),
    )


def write_targets(targets: Sequence[BakeTarget], folder: Path) -> list[str]:
    """Put targets into the bake file, and take those of images that are gone out of it."""
    with exclusive(folder):
        known = read_targets(rule_files.read(folder / BAKE)) | {target.name: target for target in targets}
        present = _present(folder)
        kept = [target for name, target in known.items() if name in present]
        return rule_files.write(folder, {BAKE: render_bake(kept, folder.name)})


def stale_files(spec: Spec, lock: str, files: Sequence[File], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (path from the lock folder, what is wrong) of an image's files; parses no lock and renders nothing."""
    source = source_digest(lock, files)
    for name in OWN_FILES:
        path = f"{spec.name}/{name}"
        text = rule_files.read(folder / path)
        if text is None:
            yield path, "is missing"
        elif not header.is_intact(text):
            yield path, "was changed by hand"
        elif header.stated_source(text) != source:
            yield path, "is not as it would be written"


def stale_targets(specs: Sequence[tuple[Spec, str, Sequence[File]]], folder: Path) -> Iterator[str]:
    """Yield what is wrong with the bake file, for images given as (spec, text of the lock, files)."""
    text = rule_files.read(folder / BAKE)
    if text is None:
        yield "is missing"
        return
    targets = read_targets(text)
    if render_bake(targets.values(), folder.name) != text:
        yield "was changed by hand"
    for spec, lock, files in specs:
        target = targets.get(bake_target(spec.name))
        if target is None:
            yield f"has no target for {spec.name}"
        elif not target.is_intact():
            yield f"the target of {spec.name} was changed by hand"
        elif target.source != source_digest(lock, files):
            yield f"the target of {spec.name} is not as it would be written"
    for name in sorted(targets.keys() - _present(folder)):
        yield f"has the target `{name}`, which has no lock"


def _present(folder: Path) -> set[str]:
    """Return the bake targets of the locks that are there."""
    return {bake_target(path.parent.name) for path in folder.glob(f"*/{codec.FILE_NAME}")}
