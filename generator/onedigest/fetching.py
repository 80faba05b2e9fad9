"""Knows which inputs a lock needs, and brings them: the only step of a build that uses the network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onedigest.digest import hex_of
from onedigest.errors import InputError, Problem
from onedigest.inputs import zipapp
from onedigest.inputs.debian.mirror import addresses
from onedigest.inputs.download import Wanted, download
from onedigest.inputs.sources import Sources
from onedigest.inputs.store import is_stamped, link
from onedigest.lock.model import DebianPackage, Lock, Wheel
from onedigest.plan import Layer
from onedigest.platforms import Platform
from onedigest.spec import Spec

FOLDER = ".inputs"


def inputs_of(lock: Lock, platforms: Iterable[Platform]) -> tuple[tuple[Wheel, ...], tuple[DebianPackage, ...]]:
    """Return the wheels and Debian packages of some of a lock's platforms."""
    chosen = set(platforms)
    wheels = {wheel for package in lock.packages for platform, wheel in package.wheels if platform in chosen}
    debian = (*lock.base.packages, *lock.base.system_packages)
    return tuple(sorted(wheels)), tuple(each for each in debian if chosen & set(each.platforms))


def inputs_of_layers(layers: Iterable[Layer]) -> tuple[tuple[Wheel, ...], tuple[DebianPackage, ...]]:
    """Return the wheels and Debian packages of some layers."""
    held = tuple(layers)
    wheels = {wheel for layer in held for wheel in layer.wheels}
    return tuple(sorted(wheels)), tuple(sorted({each for layer in held for each in layer.packages}))


def fetch(
    spec: Spec,
    lock: Lock,
    sources: Sources,
    *,
    folder: Path,
    inputs: Path,
    chosen: tuple[tuple[Wheel, ...], tuple[DebianPackage, ...]],
) -> int:
    """Bring chosen inputs into the store and link them into the folder `inputs`; return how many were not there.

    `folder` is the script's. uv is asked for addresses only when a wheel is missing. Raises `NetworkError`, and
    `InputError` when an index has another file under the name of a wheel.
    """
    wheels, debian = chosen
    found = _linked(sources, inputs, [(each.name, each.digest, each.size) for each in wheels])
    found |= _linked(sources, inputs, [(each.file_name, each.digest, each.size) for each in debian])
    missing_wheels = [each for each in wheels if each.name not in found]
    missing_debian = [each for each in debian if each.file_name not in found]
    local = _bring_wheels(spec, lock, sources, missing_wheels, folder)
    files = local + [
        Wanted(
            name=each.file_name,
            digest=each.digest,
            size=each.size,
            urls=addresses(sources.mirrors, each.path, lock.base.date),
        )
        for each in missing_debian
    ]
    download(sources.client, sources.store, files, sources.report)
    inputs.mkdir(parents=True, exist_ok=True)
    for name, digest in [
        *((each.name, each.digest) for each in missing_wheels),
        *((each.file_name, each.digest) for each in missing_debian),
    ]:
        link(sources.store.path(digest), inputs / name)
    place_assembler(sources, inputs)
    return len(missing_wheels) + len(missing_debian)


def place_assembler(sources: Sources, inputs: Path) -> None:
    """Put the assembler's zipapp among the inputs."""
    digest = zipapp.digest()
    target = inputs / zipapp.file_name(digest)
    if not is_stamped(target, len(zipapp.pack())):
        inputs.mkdir(parents=True, exist_ok=True)
        sources.store.add(zipapp.pack())
        link(sources.store.path(digest), target)


def _linked(sources: Sources, inputs: Path, files: Iterable[tuple[str, str, int]]) -> set[str]:
    """Link what the store has; return the names that are among the inputs now, with the right content."""
    found = set()
    for name, digest, size in files:
        target = inputs / name
        if not sources.store.has(digest, size):
            continue
        if not (is_stamped(target, size) and target.samefile(sources.store.path(digest))):
            inputs.mkdir(parents=True, exist_ok=True)
            link(sources.store.path(digest), target)
        found.add(name)
    return found


def _bring_wheels(spec: Spec, lock: Lock, sources: Sources, wheels: list[Wheel], folder: Path) -> list[Wanted]:
    """Return downloads of wheels; those that are files on this machine are kept at once."""
    from onedigest.lock.resolver import locate

    if not wheels:
        return []
    places = locate(spec, lock, sources, folder=folder)
    wanted, problems = [], []
    for wheel in wheels:
        address, digest = places.get(wheel.name, ("", ""))
        if address and digest not in ("", wheel.digest):
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
        data = path.read_bytes()
    except OSError as error:
        return [Problem(f"`{path}` cannot be read: {error.strerror}")]
    if sources.store.add(data) != wheel.digest:
        return [Problem(f"`{path}` is not the file of the lock", hint="run `onedigest generate`")]
    return []
