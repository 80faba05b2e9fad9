"""Knows which inputs a lock needs, and brings them: the only step of a build that uses the network."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler.descriptor import Descriptor
from onedigest.checkout import make_folder
from onedigest.digest import Digest, canonical_json, hex_of, is_digest, of_bytes
from onedigest.errors import InputError, Problem
from onedigest.inputs import zipapp
from onedigest.inputs.store import Store
from onedigest.lock.model import DebianPackage, Lock, Wheel
from onedigest.plan import Layer, Plan, PlatformPlan
from onedigest.platforms import Platform
from onedigest.spec import Spec
from onedigest.untrusted import distinct, file_name

if TYPE_CHECKING:
    from onedigest.inputs.download import Wanted
    from onedigest.sources import Sources

FOLDER = ".inputs"

_HASHERS = 4
"""Threads that hash files: more would wait for the disk."""


Arrived = Callable[[str], None]
"""Takes the name of an input that is in its folder now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What is to be brought: wheels, Debian packages, and layers of a base image."""

    wheels: tuple[Wheel, ...] = ()
    packages: tuple[DebianPackage, ...] = ()
    layers: tuple[Descriptor, ...] = ()

    def count(self) -> int:
        """Return how many there are."""
        return len(self.wheels) + len(self.packages) + len(self.layers)

    def names(self) -> frozenset[str]:
        """Return the names of those that are files of their folder."""
        return frozenset((*(each.name for each in self.wheels), *(each.file_name for each in self.packages)))

    def size(self) -> int:
        """Return their bytes together."""
        return sum(each.size for group in (self.wheels, self.packages, self.layers) for each in group)


def encoded_archive(layer: Layer, platform: Platform) -> str:
    """Return the name that a layer of Debian packages has among the inputs, as the encoder of this machine made it."""
    stem = layer.holds.replace(":", "-") if layer.kind == "base" else layer.kind
    return f"{stem}-{platform.architecture}-{hex_of(layer.key())[:12]}.tar.gz"


def base_layout(plan: Plan) -> str:
    """Return the name that the layout of an image of the bases alone has among the inputs."""
    bases = [base_layers(each) for each in plan.platforms]
    key = of_bytes(canonical_json([layer.key() for several in bases for layer in several]))
    name = bases[0][0].holds.partition(",")[0].rpartition("/")[2]
    return f"{re.sub('[^A-Za-z0-9._-]', '-', name.partition('@')[0])}-{hex_of(key)[:12]}"


def kept_blob(plan: Plan, layer: Layer) -> str:
    """Return the path that a layer of a base image has among the inputs."""
    assert layer.kept
    return f"{base_layout(plan)}/blobs/sha256/{hex_of(layer.kept.digest)}"


def base_layers(planned: PlatformPlan) -> tuple[Layer, ...]:
    """Return the layers of a platform's base: one of Debian packages, or those of an image."""
    return tuple(layer for layer in planned.layers if layer.kind in ("base", "image"))


def encoded_layers(planned: PlatformPlan) -> tuple[Layer, ...]:
    """Return the layers of a platform's Debian packages, which need the encoder of this machine."""
    return tuple(layer for layer in planned.layers if layer.packages)


def prepared_layers(plan: Plan) -> tuple[Layer, ...]:
    """Return the distinct layers that other engines take from here: those of the base, and the encoded ones."""
    found = (layer for each in plan.platforms for layer in (*base_layers(each), *encoded_layers(each)))
    return tuple({layer.key(): layer for layer in found}.values())


def inputs_of(lock: Lock, platforms: Iterable[Platform]) -> Inputs:
    """Return what some of a lock's platforms need."""
    chosen = set(platforms)
    wheels = {wheel for package in lock.packages for platform, wheel in package.wheels if platform in chosen}
    debian = (*lock.base.packages, *lock.base.system_packages)
    return Inputs(
        wheels=tuple(sorted(wheels)),
        packages=tuple(each for each in debian if chosen & set(each.platforms)),
        layers=tuple({layer: None for each in lock.base.images if each.platform in chosen for layer in each.layers}),
    )


def inputs_of_layers(layers: Iterable[Layer]) -> Inputs:
    """Return what some layers are made of."""
    held = tuple(layers)
    return Inputs(
        wheels=tuple(sorted({wheel for layer in held for wheel in layer.wheels})),
        packages=tuple(sorted({each for layer in held for each in layer.packages})),
        layers=tuple({layer.kept: None for layer in held if layer.kept}),
    )


def prove_stored(store: Store, chosen: Inputs) -> None:
    """Hash the inputs that the store has; a file that holds something else is removed."""
    from concurrent.futures import ThreadPoolExecutor

    pinned = {(each.digest, each.size) for group in (chosen.wheels, chosen.packages, chosen.layers) for each in group}
    with ThreadPoolExecutor(_HASHERS) as pool:
        list(pool.map(lambda pair: store.prove(*pair), sorted(pinned)))


def link_stored(store: Store, inputs: Path, chosen: Inputs) -> Inputs:
    """Link what the store has into the folder `inputs`, which is made; return what is missing."""
    make_folder(inputs.parent.parent, f"{inputs.parent.name}/{inputs.name}")
    _refuse_same_names(chosen)
    return Inputs(
        wheels=tuple(each for each in chosen.wheels if not _linked(store, inputs / each.name, each.digest, each.size)),
        packages=tuple(
            each for each in chosen.packages if not _linked(store, inputs / each.file_name, each.digest, each.size)
        ),
        layers=tuple(each for each in chosen.layers if not store.has(each.digest, each.size)),
    )


def fetch(
    spec: Spec,
    lock: Lock,
    sources: Sources,
    *,
    folder: Path,
    inputs: Path,
    missing: Inputs,
    arrived: Arrived = lambda _: None,
) -> None:
    """Bring inputs that are missing into the store and link them into the folder `inputs`.

    `folder` is the script's. uv is asked for addresses only when a wheel is missing. `arrived` is told the name of each
    file as soon as it is in the folder. Raises `NetworkError`, and `InputError` when an index has another file under
    the name of a wheel.
    """
    from onedigest.inputs.download import download

    def place(file: Wanted | Wheel) -> None:
        sources.store.place(file.digest, file.size, inputs / file.name)
        arrived(file.name)

    debian = _wanted_debian(lock, sources, missing.packages)
    download(sources.client, sources.store, debian, sources.report, place)
    wheels = _wanted_wheels(spec, lock, sources, missing.wheels, folder)
    download(sources.client, sources.store, wheels, sources.report, place)
    elsewhere = {each.name for each in wheels}
    for wheel in missing.wheels:
        if wheel.name not in elsewhere:  # a file of this machine
            place(wheel)
    if missing.layers:
        from onedigest.oci.reference import parse_reference
        from onedigest.oci.remote import Remote

        reference = parse_reference(lock.base.image).at(lock.base.index or "")
        Remote(reference, sources.access, sources.store).layers(missing.layers, sources.report)


def place_assemblers(store: Store, inputs: Path, assemblers: Iterable[Digest]) -> None:
    """Put frozen assemblers among the inputs: those that are shipped, whatever is there under their names."""
    make_folder(inputs.parent.parent, f"{inputs.parent.name}/{inputs.name}")
    for assembler in assemblers:
        data = zipapp.shipped(assembler)
        if not store.prove(assembler, len(data)):
            store.add(data)
        store.place(assembler, len(data), inputs / zipapp.file_name(assembler))


def _refuse_same_names(chosen: Inputs) -> None:
    """Refuse inputs that would have one name in their folder. A lock has none such; this is the last door."""
    names = [*(each.name for each in chosen.wheels), *(each.file_name for each in chosen.packages)]
    try:
        distinct([*map(file_name, names), *zipapp.names()])
    except ValueError as error:
        raise InputError.of(f"the inputs cannot be told apart: the lock {error}") from None


def _linked(store: Store, target: Path, digest: str, size: int) -> bool:
    """Tell whether an input is there with its content, after linking it where the store has it."""
    if not store.has(digest, size):
        return False
    store.place(digest, size, target)
    return True


def _wanted_debian(lock: Lock, sources: Sources, packages: Iterable[DebianPackage]) -> list[Wanted]:
    from onedigest.inputs.debian.mirror import addresses
    from onedigest.inputs.download import Wanted

    return [
        Wanted(
            name=each.file_name,
            digest=each.digest,
            size=each.size,
            urls=addresses(sources.archive.mirrors, each.path, lock.base.date),
        )
        for each in packages
    ]


def _wanted_wheels(spec: Spec, lock: Lock, sources: Sources, wheels: Iterable[Wheel], folder: Path) -> list[Wanted]:
    """Return downloads of wheels; those that are files on this machine are kept at once."""
    from onedigest.inputs.download import Wanted
    from onedigest.lock.resolver import locate

    if not wheels:
        return []
    places = locate(spec, lock, sources, folder=folder)
    wanted, problems = [], []
    for wheel in wheels:
        address, digest = places.get(wheel.name, ("", ""))
        if address and digest != wheel.digest and is_digest(digest):
            message = f"the index has another `{wheel.name}`: sha256 {hex_of(digest)}, locked {hex_of(wheel.digest)}"
            problems.append(Problem(message, hint="find out why it changed before you run `onedigest generate`"))
        elif "://" in address and not address.startswith("file://"):
            wanted.append(Wanted(name=wheel.name, digest=wheel.digest, size=wheel.size, urls=(address,)))
        elif address:
            problems += _keep_local(sources, Path(address.removeprefix("file://")), wheel)
        else:
            problems.append(
                Problem(f"the index has no `{wheel.name}` any more", hint="run `onedigest generate --upgrade`")
            )
    if problems:
        raise InputError(problems)
    return wanted


def _keep_local(sources: Sources, path: Path, wheel: Wheel) -> list[Problem]:
    try:
        found = path.stat()
        data = path.read_bytes() if stat.S_ISREG(found.st_mode) and found.st_size == wheel.size else b""
    except OSError as error:
        return [Problem(f"`{path}` cannot be read: {error.strerror}")]
    if of_bytes(data) != wheel.digest:
        return [Problem(f"`{path}` is not the file of the lock", hint="run `onedigest generate`")]
    sources.store.add(data)
    return []
