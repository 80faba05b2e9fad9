"""The look at wheels by their directories alone: each for itself, and all of a platform together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from onedigest.assembler.entry import Entry
from onedigest.assembler.overlap import clashing_paths, shared_paths
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.lock.model import Wheel
from onedigest.oci.libdeflate import Budget, Inflater
from onedigest.platforms import Platform
from onedigest.store import Store
from onedigest.wheel_check.findings import Key, SharedFiles, WheelFindings
from onedigest.wheel_check.listing import Listing, Place, list_wheel

_INFLATER = Inflater(Budget.of_threads(384 << 20))
"""Reads the files of which RECORD states no digest."""

_MOST_HELD = 1024
"""How many wheels are remembered by a process."""

_MOST_PATHS = 3
"""How many paths are told of files that the same wheels bring."""

Reason = tuple[tuple[Key, ...], str]


def inspect_wheels(wheels: Mapping[Platform, Mapping[Key, Wheel]], place: Place, store: Store) -> WheelFindings:
    """Look at the wheels of each platform, for a Python and a virtual environment: at all, whatever is found."""
    keys = {wheel: key for several in wheels.values() for key, wheel in several.items()}
    unfit: list[Reason] = []
    odd: list[tuple[Key, str]] = []
    files: dict[str, Sequence[Entry]] = {}
    for wheel in sorted(keys):
        try:
            files[wheel.name], said = _listing(store, wheel, keys[wheel], place)
        except Refused as refused:
            unfit.append(((keys[wheel],), str(refused)))
        else:
            odd += [(keys[wheel], text) for text in said]
    names = [{wheel.name: key for key, wheel in several.items() if wheel.name in files} for several in wheels.values()]
    for known in names:
        unfit += _clashes({name: files[name] for name in known}, known)
    return WheelFindings(unfit=tuple(dict.fromkeys(unfit)), odd=tuple(odd), shared=tuple(_shared(names, files)))


@lru_cache(_MOST_HELD)
def _listing(store: Store, wheel: Wheel, key: Key, place: Place) -> Listing:
    """Return the files of a wheel: images that have the same one have it looked at once. Raises `Refused`."""

    def read(tell: Callable[[str], object]) -> list[Entry]:
        with store.scratch() as folder:
            path = folder / wheel.name
            path.symlink_to(store.path(wheel.digest))  # a wheel is read under its own name
            return wheel_entries(path, place[0], _INFLATER, place[1], tell, key)

    return list_wheel(store, wheel.name, wheel.digest, place, key, read)


def _clashes(files: Mapping[str, Sequence[Entry]], known: Mapping[str, Key]) -> Iterator[Reason]:
    """Yield what is wrong with wheels of one platform of which one has a file where another has a folder."""
    for clash in clashing_paths(files):
        yield tuple(known[name] for name in clash.wheels), str(clash)


def _shared(names: Iterable[Mapping[str, Key]], files: Mapping[str, Sequence[Entry]]) -> Iterator[SharedFiles]:
    """Yield what the same packages share, on whichever platform."""
    found: dict[tuple[tuple[Key, ...], Key], set[str]] = {}
    for known in names:
        for each in shared_paths({name: files[name] for name in known}):
            packages = tuple(sorted(known[name] for name in each.wheels))
            found.setdefault((packages, known[each.winner]), set()).add(each.path)
    for (packages, winner), paths in sorted(found.items()):
        yield SharedFiles(packages=packages, winner=winner, paths=tuple(sorted(paths)[:_MOST_PATHS]), count=len(paths))
