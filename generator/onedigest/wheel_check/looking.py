"""Knows how wheels are looked at, by their directories alone: each for itself, and all of a platform together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from onedigest.assembler.entry import Entry
from onedigest.assembler.overlap import clashing_paths, shared_paths
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel import wheel_entries
from onedigest.inputs.store import Store
from onedigest.lock.model import Wheel
from onedigest.oci.libdeflate import Budget, Inflater
from onedigest.platforms import Platform
from onedigest.wheel_check.found import Found, Key, Shared

_INFLATER = Inflater(Budget.of_threads(384 << 20))
"""Reads the files of which RECORD states no digest."""

_MOST_PATHS = 3
"""How many paths are told of files that the same wheels bring."""

Reason = tuple[tuple[Key, ...], str]


def look(wheels: Mapping[Platform, Mapping[Key, Wheel]], place: tuple[str, str], store: Store) -> Found:
    """Look at the wheels of each platform, for a Python and a virtual environment: at all, whatever is found."""
    keys = {wheel: key for several in wheels.values() for key, wheel in several.items()}
    unfit: list[Reason] = []
    odd: list[tuple[Key, str]] = []
    files: dict[str, Sequence[Entry]] = {}
    with store.scratch() as folder:
        for wheel in sorted(keys):
            said: list[str] = []
            try:
                files[wheel.name] = _files(store.path(wheel.digest), folder / wheel.name, keys[wheel], place, said)
            except Refused as refused:
                unfit.append(((keys[wheel],), str(refused)))
            odd += [(keys[wheel], text) for text in said]
    names = [{wheel.name: key for key, wheel in several.items() if wheel.name in files} for several in wheels.values()]
    for known in names:
        unfit += _clashes({name: files[name] for name in known}, known)
    return Found(unfit=tuple(dict.fromkeys(unfit)), odd=tuple(odd), shared=tuple(_shared(names, files)))


def _files(stored: Path, path: Path, key: Key, place: tuple[str, str], said: list[str]) -> list[Entry]:
    """Return the files of a wheel without their content, which would keep the wheel open. Raises `Refused`."""
    python, venv = place
    path.symlink_to(stored)  # a wheel is read under its own name
    return [replace(each, content=b"") for each in wheel_entries(path, python, _INFLATER, venv, said.append, key)]


def _clashes(files: Mapping[str, Sequence[Entry]], known: Mapping[str, Key]) -> Iterator[Reason]:
    """Yield what is wrong with wheels of one platform of which one has a file where another has a folder."""
    for text in clashing_paths(files):
        yield tuple(known[name] for name in text.partition(":")[0].split(" and ")), text


def _shared(names: Iterable[Mapping[str, Key]], files: Mapping[str, Sequence[Entry]]) -> Iterator[Shared]:
    """Yield what the same packages share, on whichever platform."""
    found: dict[tuple[tuple[Key, ...], Key], set[str]] = {}
    for known in names:
        for each in shared_paths({name: files[name] for name in known}):
            packages = tuple(sorted(known[name] for name in each.wheels))
            found.setdefault((packages, known[each.winner]), set()).add(each.path)
    for (packages, winner), paths in sorted(found.items()):
        yield Shared(packages=packages, winner=winner, paths=tuple(sorted(paths)[:_MOST_PATHS]), count=len(paths))
