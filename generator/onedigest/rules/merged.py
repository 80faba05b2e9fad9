"""Knows the files that all images of a lock folder have a part in, and keeps the parts of those not generated now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.inputs.store import exclusive
from onedigest.lock import codec
from onedigest.rules import bake, layer_targets
from onedigest.rules import files as rule_files
from onedigest.rules.bazel import find_package, named_targets
from onedigest.rules.dockerfile import bake_target

if TYPE_CHECKING:
    from onedigest.rules.image import Rules

MERGED = (bake.FILE_NAME, layer_targets.FILE_NAME)


def write_merged(rules: Sequence[Rules], folder: Path) -> list[str]:
    """Put the parts of images into the files of all of them, and take out those of images that are gone."""
    with exclusive(folder):
        return rule_files.write(folder, _merged_texts(rules, folder))


def stale_merged(rules: Sequence[Rules], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong) of the files of all images, of which these were rendered now.

    The parts of other images count as they are there, as long as they are intact.
    """
    package, expected = find_package(folder), _merged_texts(rules, folder)
    for name, stale in ((bake.FILE_NAME, _stale_targets), (layer_targets.FILE_NAME, _stale_layers)):
        text = rule_files.read(folder / name)
        if text is None:
            yield name, "is missing"
        elif text != expected[name]:
            found = list(stale(rules, text, folder, package))
            yield from ((name, each) for each in found or ["was changed by hand"])


def _merged_texts(rules: Sequence[Rules], folder: Path) -> dict[str, str]:
    """Return the texts of the files of all images: with the parts rendered now, and those that are there of others."""
    package = find_package(folder)
    targets = bake.read_targets(rule_files.read(folder / bake.FILE_NAME))
    targets |= {each.bake.name: each.bake for each in rules}
    layers = layer_targets.read_targets(rule_files.read(folder / layer_targets.FILE_NAME))
    layers |= {layer.name: layer for each in rules for layer in each.layers}
    present, named = _present(folder), _named(rules, folder, package)
    return {
        bake.FILE_NAME: bake.render_bake([each for name, each in targets.items() if name in present], folder.name),
        layer_targets.FILE_NAME: layer_targets.render_targets(
            [layer for name, layer in layers.items() if name in named], package
        ),
    }


def _stale_targets(rules: Sequence[Rules], text: str, folder: Path, _: str) -> Iterator[str]:
    targets = bake.read_targets(text)
    if bake.render_bake(targets.values(), folder.name) != text:
        yield "was changed by hand"
    for each in rules:
        target = targets.get(each.bake.name)
        if target is None:
            yield f"has no target for {each.name}"
        elif target != each.bake:
            how = "is not as it would be written" if target.is_intact() else "was changed by hand"
            yield f"the target of {each.name} {how}"
    for name in sorted(targets.keys() - _present(folder)):
        yield f"has the target `{name}`, which has no lock"


def _stale_layers(rules: Sequence[Rules], text: str, folder: Path, package: str) -> Iterator[str]:
    layers = layer_targets.read_targets(text)
    if layer_targets.render_targets(layers.values(), package) != text:
        yield "was changed by hand"
    named = _named(rules, folder, package)
    for name in sorted(named.keys() - layers.keys()):
        yield f"has no target `{name}`, which {named[name]} names"
    for name in sorted(layers.keys() - named.keys()):
        yield f"has the target `{name}`, which no image names"


def _present(folder: Path) -> set[str]:
    """Return the bake targets of the locks that are there."""
    return {bake_target(path.parent.name) for path in folder.glob(f"*/{codec.FILE_NAME}")}


def _named(rules: Sequence[Rules], folder: Path, package: str) -> Mapping[str, str]:
    """Return the shared targets that images name, rendered now or as they are there, each with one of these images."""
    builds = {
        path.parent.name: rule_files.read(path) or ""
        for path in folder.glob(f"*/{layer_targets.FILE_NAME}")
        if (path.parent / codec.FILE_NAME).is_file()
    }
    builds |= {each.name: each.files[f"{each.name}/{layer_targets.FILE_NAME}"] for each in rules}
    return {name: image for image in sorted(builds, reverse=True) for name in named_targets(builds[image], package)}
