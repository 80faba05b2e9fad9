"""Knows the files that all images of a lock folder have a part in, and keeps the parts of those not generated now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from onedigest import formats
from onedigest.errors import InputError
from onedigest.header import stated_format
from onedigest.lock import codec
from onedigest.rules import bake, layer_targets
from onedigest.rules import files as rule_files
from onedigest.rules.bazel import find_package, named_targets
from onedigest.rules.dockerfile import FILE_NAME as DOCKERFILE
from onedigest.rules.dockerfile import bake_target
from onedigest.rules.files import Files
from onedigest.rules.model import BAZEL, DOCKER, Rules, Stale


def merged_texts(rules: Sequence[Rules], folder: Path, kinds: Collection[str]) -> Files:
    """Return the texts of the files of all images: with the parts rendered now, and those that are there of others."""
    texts = {}
    if DOCKER in kinds:
        texts[bake.FILE_NAME] = _bake_text(rules, folder)
    if BAZEL in kinds:
        texts[layer_targets.FILE_NAME] = _layers_text(rules, folder)
    return texts


def stale_merged(rules: Sequence[Rules], folder: Path, kinds: Collection[str]) -> Iterator[Stale]:
    """Yield the files of all images that are not up to date, of which these were rendered now.

    The parts of other images count as they are there, as long as they are intact.
    """
    stated = {bake.FILE_NAME: bake.stated_format, layer_targets.FILE_NAME: stated_format}
    parts = {bake.FILE_NAME: _stale_targets, layer_targets.FILE_NAME: _stale_layers}
    for name, expected in merged_texts(rules, folder, kinds).items():
        text = rule_files.read(folder / name)
        if text is None:
            yield Stale(name, "is missing")
        elif text != expected:
            number = stated[name](text)
            if number != formats.RULES and number is not None:
                yield Stale(name, "is out of date", number)
                continue
            found = list(parts[name](rules, text, folder))
            yield from (Stale(name, each, number) for each in found or ["was changed by hand"])


def refuse_lost_targets(folder: Path, names: Collection[str]) -> None:
    """Raise `InputError` for a bake file that cannot be read, where images besides those of some names have targets."""
    text = rule_files.read(folder / bake.FILE_NAME)
    others = _present(folder) - {bake_target(name) for name in names}
    if text is not None and others and not bake.is_readable(text):
        raise InputError.of(
            f"cannot be read, so the targets of other images would be lost: {', '.join(sorted(others))}",
            where=f"{folder.name}/{bake.FILE_NAME}",
            hint="run `onedigest generate --all`, which writes it anew",
        )


def _bake_text(rules: Sequence[Rules], folder: Path) -> str:
    targets = bake.read_targets(rule_files.read(folder / bake.FILE_NAME))
    targets |= {each.bake.name: each.bake for each in rules if each.bake}
    present = _asking(rules, folder)
    return bake.render_bake([each for name, each in targets.items() if name in present], folder.name)


def _layers_text(rules: Sequence[Rules], folder: Path) -> str:
    layers = layer_targets.read_targets(rule_files.read(folder / layer_targets.FILE_NAME))
    layers |= {layer.name: layer for each in rules for layer in each.layers}
    package = find_package(folder)
    named = _named(rules, folder, package)
    return layer_targets.render_targets([layer for name, layer in layers.items() if name in named], package)


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


def _stale_layers(rules: Sequence[Rules], text: str, folder: Path) -> Iterator[str]:
    package = find_package(folder)
    layers = layer_targets.read_targets(text)
    if layer_targets.render_targets(layers.values(), package) != text:
        yield "was changed by hand"
    named = _named(rules, folder, package)
    for name in sorted(named.keys() - layers.keys()):
        yield f"has no target `{name}`, which {named[name]} names"
    for name in sorted(layers.keys() - named.keys()):
        yield f"has the target `{name}`, which no image names"


def _asking(rules: Sequence[Rules], folder: Path) -> set[str]:
    """Return the bake targets that the images of a folder have, rendered now or as they are there."""
    rendered = {bake_target(each.name) for each in rules}
    return (_present(folder) - rendered) | {each.bake.name for each in rules if each.bake}


def _present(folder: Path) -> set[str]:
    """Return the bake targets of the images with a Dockerfile that are there."""
    found = folder.glob(f"*/{codec.FILE_NAME}")
    return {bake_target(path.parent.name) for path in found if (path.parent / DOCKERFILE).is_file()}


def _named(rules: Sequence[Rules], folder: Path, package: str) -> Mapping[str, str]:
    """Return the shared targets that images name, rendered now or as they are there, each with one of these images."""
    rendered = {each.name for each in rules}
    builds = {
        path.parent.name: rule_files.read(path) or ""
        for path in folder.glob(f"*/{layer_targets.FILE_NAME}")
        if (path.parent / codec.FILE_NAME).is_file() and path.parent.name not in rendered
    }
    builds |= {each.name: each.files[f"{each.name}/{layer_targets.FILE_NAME}"] for each in rules if BAZEL in each.kinds}
    return {name: image for image in sorted(builds, reverse=True) for name in named_targets(builds[image], package)}
