"""The fetching of a lock's inputs into their folder: the only step of a build that uses the network."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest import zipapp
from onedigest.assembler.descriptor import Descriptor
from onedigest.checkout import make_folder
from onedigest.definition.spec import Spec
from onedigest.digest import Digest, algorithm_of, has_stated, hex_of, is_digest, of_bytes
from onedigest.errors import InputError, NetworkError, OnedigestError, Problem
from onedigest.lock.base.file_list import FileList
from onedigest.lock.base.packages import DebianPackage
from onedigest.lock.model import Lock, Wheel
from onedigest.plan.inputs import Inputs
from onedigest.store import Store
from onedigest.tools.uv_rows import NOWHERE, WheelAddress
from onedigest.untrusted import distinct, file_name

if TYPE_CHECKING:
    from onedigest.lock.author import Author
    from onedigest.lock.wheel_addresses import Find
    from onedigest.net.download import Download
    from onedigest.sources import Sources

_HASHERS = 4
"""Threads that hash files: more would wait for the disk."""


Arrived = Callable[[str], None]
"""Takes the name of an input that is in its folder now."""


def prove_cached(store: Store, chosen: Inputs) -> None:
    """Hash the inputs that the store has; a file that holds something else is removed."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_HASHERS) as pool:
        list(pool.map(lambda pair: store.prove(*pair), sorted(chosen.pinned())))


def link_cached(store: Store, inputs: Path, chosen: Inputs) -> Inputs:
    """Link what the store has into the folder `inputs`, which is made; return what is missing."""
    make_folder(inputs.parent.parent, f"{inputs.parent.name}/{inputs.name}")
    _refuse_same_names(chosen)
    return Inputs(
        wheels=tuple(each for each in chosen.wheels if not _linked(store, inputs / each.name, each.digest, each.size)),
        packages=tuple(
            each for each in chosen.packages if not _linked(store, inputs / each.file_name, each.digest, each.size)
        ),
        layers=tuple(each for each in chosen.layers if not store.has(each.digest, each.size)),
        lists=tuple(each for each in chosen.lists if not _linked(store, inputs / each.name, each.digest, each.size)),
    )


def built_elsewhere(store: Store, lock: Lock, chosen: Inputs) -> tuple[Wheel, ...]:
    """Return those of some wheels that the lock says were built, and that this machine did not build of that source."""
    packages = [package for package in lock.packages if package.origin]
    if not packages:
        return ()
    from onedigest.from_source.own_builds import is_own_build
    from onedigest.lock.built_wheels import built_of

    own = {each.wheel.digest for each in map(built_of, packages) if each and not is_own_build(store, each)}
    return tuple(wheel for wheel in chosen.wheels if wheel.digest in own)


def fetch_inputs(
    spec: Spec,
    lock: Lock,
    sources: Sources,
    *,
    folder: Path,
    inputs: Path,
    missing: Inputs,
    author: Author | None = None,
    arrived: Arrived = lambda _: None,
) -> None:
    """Fetch inputs that are missing into the store and link them into the folder `inputs`.

    `folder` is the script's. uv is asked for addresses only when a wheel is missing that was not built, or whose source
    distribution is. `arrived` is told the name of each
    file as soon as it is in the folder. Raises `NetworkError`, and `InputError` when an index has another file under
    the name of a wheel.
    """
    from onedigest.net.download import download

    def place(file: Download | Wheel | FileList) -> None:
        sources.store.place(file.digest, file.size, inputs / file.name)
        arrived(file.name)

    debian = _wanted_debian(lock, sources, missing.packages)
    download(sources.client, sources.store, debian, sources.report, place)
    built = _build_wheels(spec, lock, sources, missing.wheels, folder, author)
    for wheel in (each for each in missing.wheels if each.name in built):
        place(wheel)
    others = [wheel for wheel in missing.wheels if wheel.name not in built]
    _fetch_wheels(_ways_to_wheels(spec, lock, sources, folder), sources, others, place)
    if missing.layers:
        _fetch_layers(lock, sources, missing.layers)
    for each in missing.lists:
        _make_list(lock, sources, each)
        place(each)


def _fetch_layers(lock: Lock, sources: Sources, layers: Iterable[Descriptor]) -> list[Path]:
    from onedigest.registry.remote import Remote

    assert lock.base.origin  # a base of packages has no layers of its own
    return Remote(lock.base.origin, sources.access, sources.store).layers(layers, sources.report)


def _make_list(lock: Lock, sources: Sources, files: FileList) -> None:
    """Make the list of a base's files from its layers, which are fetched for it. Raises `InputError`."""
    from onedigest.lock.base.listing import list_files

    platform = next(each for each in lock.platforms if lock.base.file_list(each) == files)
    layers = lock.base.layers(platform)
    paths = _fetch_layers(lock, sources, layers)
    data = list_files(zip(layers, paths, strict=True), sources.store)
    if of_bytes(data) != files.digest or len(data) != files.size:
        raise InputError.of(
            f"the files of the base on {platform} are not those of the lock", hint="run `onedigest generate --upgrade`"
        )
    sources.store.add(data)


def fetch_deb(sources: Sources, package: DebianPackage, inputs: Path) -> None:
    """Fetch a Debian package that no lock pins, which states its suite and the date of its release."""
    from onedigest.lock.base.deb_downloads import package_download
    from onedigest.net.download import download

    if link_cached(sources.store, inputs, Inputs(packages=(package,))).count():
        file = package_download(package, (package.suite, package.date), sources.archive.mirrors)
        download(sources.client, sources.store, [file], sources.report, lambda _: None)
        sources.store.place(package.digest, package.size, inputs / package.file_name)


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


def _wanted_debian(lock: Lock, sources: Sources, packages: Iterable[DebianPackage]) -> list[Download]:
    from onedigest.lock.base.deb_downloads import package_download

    return [package_download(each, lock.base.published(each), sources.archive.mirrors) for each in packages]


def _build_wheels(
    spec: Spec, lock: Lock, sources: Sources, wheels: Iterable[Wheel], folder: Path, author: Author | None
) -> frozenset[str]:
    """Build those of some wheels that are built; return the names of these."""
    own = {wheel.name for package in lock.packages if package.origin for _, wheel in package.wheels}
    names = frozenset(wheel.name for wheel in wheels if wheel.name in own)
    if names:
        from onedigest.lock.author import Author
        from onedigest.lock.rebuild import rebuild

        rebuild(spec, lock, sources, names, folder=folder, author=author or Author())
    return names


def _ways_to_wheels(spec: Spec, lock: Lock, sources: Sources, folder: Path) -> tuple[Find, ...]:
    """Return what finds the wheels of a lock, the best first."""
    from onedigest.lock.resolver import locate

    if not spec.is_pinned:
        return (partial(locate, spec, lock, sources, folder=folder),)
    from onedigest.lock.wheel_addresses import ways_to_wheels

    return ways_to_wheels(spec, lock, sources, folder)


def _fetch_wheels(
    ways: Sequence[Find], sources: Sources, wheels: Sequence[Wheel], place: Callable[[Download | Wheel], None]
) -> None:
    """Fetch wheels by the first way that leads to them. Raises with what is wrong with all ways."""
    from onedigest.net.download import download

    failed: list[OnedigestError] = []
    for find in ways if wheels else ():
        left = [wheel for wheel in wheels if not (failed and sources.store.has(wheel.digest, wheel.size))]
        try:
            places = find()
            downloads = _wanted_wheels(places, sources, left)
            put = partial(_place_stated, places, sources, place)
            download(sources.client, sources.store, downloads, sources.report, put)
        except (InputError, NetworkError) as error:
            failed.append(error)
            continue
        elsewhere = {each.name for each in downloads}
        for wheel in (each for each in left if each.name not in elsewhere):  # a file of this machine
            put(wheel)
        return
    if failed:
        raise type(failed[0])(dict.fromkeys(problem for error in failed for problem in error.problems))


def _wanted_wheels(places: Mapping[str, WheelAddress], sources: Sources, wheels: Iterable[Wheel]) -> list[Download]:
    """Return downloads of wheels; those that are files on this machine are kept at once."""
    from onedigest.net.download import Download

    downloads, problems = [], []
    for wheel in wheels:
        place = places.get(wheel.name, NOWHERE)
        address, digest, index = place.address, place.stated, place.index
        if address and digest != wheel.digest and is_digest(digest):
            message = f"the index has another `{wheel.name}`: sha256 {hex_of(digest)}, locked {hex_of(wheel.digest)}"
            problems.append(Problem(message, hint="find out why it changed before you run `onedigest generate`"))
        elif "://" in address and not address.startswith("file://"):
            downloads.append(
                Download(name=wheel.name, digest=wheel.digest, size=wheel.size, urls=(address,), index=index)
            )
        elif address:
            problems += _add_local(sources, Path(address.removeprefix("file://")), wheel)
        else:
            problems.append(
                Problem(f"the index has no `{wheel.name}` any more", hint="run `onedigest generate --upgrade`")
            )
    if problems:
        raise InputError(problems)
    return downloads


def _place_stated(
    places: Mapping[str, WheelAddress],
    sources: Sources,
    place: Callable[[Download | Wheel], None],
    file: Download | Wheel,
) -> None:
    """Place a wheel, which has the sha256 of the lock. Raises `InputError` where its index states another digest."""
    stated, path = places.get(file.name, NOWHERE).stated, sources.store.path(file.digest)
    if stated and not is_digest(stated) and not has_stated(path, stated):
        path.unlink()
        raise InputError.of(
            f"the index has another `{file.name}`: the locked one does not have its {algorithm_of(stated)}",
            hint="find out why it changed before you run `onedigest generate`",
        )
    place(file)


def _add_local(sources: Sources, path: Path, wheel: Wheel) -> list[Problem]:
    try:
        found = path.stat()
        data = path.read_bytes() if stat.S_ISREG(found.st_mode) and found.st_size == wheel.size else b""
    except OSError as error:
        return [Problem(f"`{path}` cannot be read: {error.strerror}")]
    if of_bytes(data) != wheel.digest:
        return [Problem(f"`{path}` is not the file of the lock", hint="run `onedigest generate`")]
    sources.store.add(data)
    return []
