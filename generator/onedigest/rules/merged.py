"""Knows the files that all images of a lock folder have a part in, and keeps the parts of those not generated now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.application import File
from onedigest.inputs.store import exclusive
from onedigest.lock import codec
from onedigest.rules import bake, layer_targets
from onedigest.rules import files as rule_files
from onedigest.rules.bazel import find_package, named_targets
from onedigest.rules.dockerfile import bake_target
from onedigest.rules.revision import source_digest
from onedigest.spec import Spec

if TYPE_CHECKING:
    from onedigest.rules.image import Rules

MERGED = (bake.FILE_NAME, layer_targets.FILE_NAME)


def write_merged(rules: Sequence[Rules], folder: Path) -> list[str]:
    """Put the parts of images into the files of all of them, and take out those of images that are gone."""
    package = find_package(folder)
    with exclusive(folder):
        targets = bake.read_targets(rule_files.read(folder / bake.FILE_NAME))
        targets |= {each.bake.name: each.bake for each in rules}
        layers = layer_targets.read_targets(rule_files.read(folder / layer_targets.FILE_NAME))
        layers |= {layer.name: layer for each in rules for layer in each.layers}
        present, named = _present(folder), _named(folder, package)
        texts = {
            bake.FILE_NAME: bake.render_bake(
                [target for name, target in targets.items() if name in present], folder.name
            ),
            layer_targets.FILE_NAME: layer_targets.render_targets(
                [layer for name, layer in layers.items() if name in named], package
            ),
        }
        return rule_files.write(folder, texts)


def stale_merged(specs: Sequence[tuple[Spec, str, Sequence[File]]], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong) of the files of all images, for images given as (spec, text of the lock, files)."""
    package = find_package(folder)
    texts = {name: rule_files.read(folder / name) for name in MERGED}
    for name, text in texts.items():
        if text is None:
            yield name, "is missing"
    if text := texts[bake.FILE_NAME]:
        yield from ((bake.FILE_NAME, each) for each in _stale_targets(specs, text, folder, package))
    if text := texts[layer_targets.FILE_NAME]:
        yield from ((layer_targets.FILE_NAME, each) for each in _stale_layers(text, _named(folder, package), package))


def _stale_targets(
    specs: Sequence[tuple[Spec, str, Sequence[File]]], text: str, folder: Path, package: str
) -> Iterator[str]:
    targets = bake.read_targets(text)
    if bake.render_bake(targets.values(), folder.name) != text:
        yield "was changed by hand"
    for spec, lock, files in specs:
        target = targets.get(bake_target(spec.name))
        if target is None:
            yield f"has no target for {spec.name}"
        elif not target.is_intact():
            yield f"the target of {spec.name} was changed by hand"
        elif target.source != source_digest(lock, files, package):
            yield f"the target of {spec.name} is not as it would be written"
    for name in sorted(targets.keys() - _present(folder)):
        yield f"has the target `{name}`, which has no lock"


def _stale_layers(text: str, named: Mapping[str, str], package: str) -> Iterator[str]:
    layers = layer_targets.read_targets(text)
    if layer_targets.render_targets(layers.values(), package) != text:
        yield "was changed by hand"
    for name in sorted(named.keys() - layers.keys()):
        yield f"has no target `{name}`, which {named[name]} names"
    for name in sorted(layers.keys() - named.keys()):
        yield f"has the target `{name}`, which no image names"


def _present(folder: Path) -> set[str]:
    """Return the bake targets of the locks that are there."""
    return {bake_target(path.parent.name) for path in folder.glob(f"*/{codec.FILE_NAME}")}


def _named(folder: Path, package: str) -> Mapping[str, str]:
    """Return the shared targets that images name, each with one of these images."""
    builds: Iterable[Path] = sorted(folder.glob(f"*/{layer_targets.FILE_NAME}"), reverse=True)
    return {
        name: build.parent.name
        for build in builds
        if (build.parent / codec.FILE_NAME).is_file()
        for name in named_targets(rule_files.read(build) or "", package)
    }
