"""The inputs that a lock or its layers need, and their names in the folder of inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.left_out import INPUTS
from onedigest.digest import Digest, canonical_json, hex_of, of_bytes
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Lock, Wheel
from onedigest.plan.layers import Layer, Plan, PlatformPlan
from onedigest.platforms import Platform

FOLDER = INPUTS
"""The folder of inputs, in that of locks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What is to be brought: wheels, Debian packages, layers of a base image, and lists of such images' files."""

    wheels: tuple[Wheel, ...] = ()
    packages: tuple[DebianPackage, ...] = ()
    layers: tuple[Descriptor, ...] = ()
    lists: tuple[FileList, ...] = ()

    def pinned(self) -> frozenset[tuple[Digest, int]]:
        """Return digest and size of each."""
        groups = (self.wheels, self.packages, self.layers, self.lists)
        return frozenset((Digest(each.digest), each.size) for group in groups for each in group)

    def count(self) -> int:
        """Return how many there are."""
        return len(self.wheels) + len(self.packages) + len(self.layers) + len(self.lists)

    def names(self) -> frozenset[str]:
        """Return the names of those that are files of their folder."""
        files = (*(each.name for each in self.wheels), *(each.file_name for each in self.packages))
        return frozenset((*files, *(each.name for each in self.lists)))

    def size(self) -> int:
        """Return their bytes together."""
        return sum(each.size for group in (self.wheels, self.packages, self.layers) for each in group)


def encoded_archive(layer: Layer) -> str:
    """Return the name that a layer has among the inputs which the encoder of this machine made.

    That of an application's bytecode does not tell of which text it is: no rule may move with a source.
    """
    return f"{layer.name}.tar.gz" if layer.files else f"{layer.name}-{hex_of(layer.key())[:12]}.tar.gz"


def taken_archive(layer: Layer) -> str:
    """Return the name of the archive that is all that other engines have of a layer; nothing where they make it."""
    recipe = layer.recipe
    return encoded_archive(layer) if recipe and recipe.encoded and not recipe.inputs else ""


def base_layout(plan: Plan) -> str:
    """Return the name that the layout of an image of the bases alone has among the inputs."""
    bases = [base_layers(each) for each in plan.platforms]
    key = of_bytes(canonical_json([layer.key() for several in bases for layer in several]))
    name = bases[0][0].holds.partition(",")[0].rpartition("/")[2]
    return f"{re.sub('[^A-Za-z0-9._-]', '-', name.partition('@')[0])}-{hex_of(key)[:12]}"


def base_layer_file(plan: Plan, descriptor: Descriptor) -> str:
    """Return the path that a layer of a base image has among the inputs."""
    return f"{base_layout(plan)}/blobs/sha256/{hex_of(descriptor.digest)}"


def base_layers(planned: PlatformPlan) -> tuple[Layer, ...]:
    """Return the layers of a platform's base: those of an image, or the lowest one, which is made of packages."""
    return tuple(takewhile(lambda layer: layer.base_layer, planned.layers)) or planned.layers[:1]


def encoded_layers(planned: PlatformPlan) -> tuple[Layer, ...]:
    """Return the layers of a platform that need the encoder of this machine."""
    return tuple(layer for layer in planned.layers if layer.encoded)


def prepared_layers(whole: Plan, built: Plan | None = None) -> tuple[Layer, ...]:
    """Return the distinct layers that other engines take from here: those of the base, and the encoded ones.

    The latter are those of the platforms that are `built`, if not of all: one layout has the bases of the whole image.
    """
    found = [layer for each in whole.platforms for layer in base_layers(each)]
    found += [layer for each in (built or whole).platforms for layer in encoded_layers(each)]
    return tuple({layer.key(): layer for layer in found}.values())


def inputs_of(lock: Lock, platforms: Iterable[Platform]) -> Inputs:
    """Return what some of a lock's platforms need."""
    chosen = set(platforms)
    wheels = {wheel for package in lock.packages for platform, wheel in package.wheels if platform in chosen}
    layers = (layer for platform in lock.platforms if platform in chosen for layer in lock.base.layers(platform))
    return Inputs(
        wheels=tuple(sorted(wheels)),
        packages=tuple(each for each in lock.base.debian_packages if chosen & set(each.platforms)),
        layers=tuple(dict.fromkeys(layers)),
        lists=_lists(lock, (each for each in lock.platforms if each in chosen)),
    )


def inputs_of_layers(lock: Lock, layers: Iterable[Layer]) -> Inputs:
    """Return which inputs of a lock some of its layers are made of."""
    held = tuple(layers)
    names = {each.name for layer in held for each in layer.inputs}
    return Inputs(
        wheels=tuple(wheel for wheel in lock.wheels() if wheel.name in names),
        packages=tuple(sorted({each for each in lock.base.debian_packages if each.file_name in names})),
        layers=tuple({each: None for layer in held for each in layer.base_layers}),
        lists=tuple(each for each in _lists(lock, lock.platforms) if each.name in names),
    )


def _lists(lock: Lock, platforms: Iterable[Platform]) -> tuple[FileList, ...]:
    found = (lock.base.file_list(platform) for platform in platforms)
    return tuple(dict.fromkeys(each for each in found if each))
