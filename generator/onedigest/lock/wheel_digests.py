"""The digests and sizes of wheels, measured where no index states them, and the files that turn out to differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from onedigest.digest import Digest, algorithm_of, has_stated, is_digest
from onedigest.errors import InputError, Problem
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.lock.script_lock import ScriptPins
from onedigest.net.connection import THREADS
from onedigest.sources import Sources
from onedigest.tools.uv_rows import WheelAddress

_MOST_WHEEL = 4 << 30
"""Bytes of a wheel whose size no index states."""

Has = Callable[[str], bool]
"""Tells whether a file has a digest of any algorithm."""


def complete_digests(
    packages: tuple[LockedPackage, ...], places: Mapping[str, WheelAddress], sources: Sources, pinned: ScriptPins
) -> tuple[LockedPackage, ...]:
    """Fill in digests and sizes that the index does not state; `places` are by file name.

    A digest of another algorithm is checked, and none is written in the place of a sha256. Raises `InputError` with
    all files that are not those that the index, or another lock, states.
    """
    names = {wheel: package.name for package in packages for _, wheel in package.wheels}

    def measure(wheel: Wheel) -> tuple[Wheel, list[Problem]]:
        place = places[wheel.name]
        return _measured(wheel, place, sources, _StatedDigests(wheel.name, place.stated, pinned, names[wheel]))

    with ThreadPoolExecutor(THREADS) as pool:
        measured = list(pool.map(measure, sorted(names)))
    if problems := [problem for _, found in measured for problem in found]:
        raise InputError(problems)
    known = {wheel.name: wheel for wheel, _ in measured}
    return tuple(
        replace(package, wheels=tuple((platform, known[wheel.name]) for platform, wheel in package.wheels))
        for package in packages
    )


class _StatedDigests:
    """What is stated of one file: by its index, by uv's lock of the script, and by the lock of a project."""

    def __init__(self, name: str, index: str, pinned: ScriptPins, package: str) -> None:
        self._name = name
        self._index = index
        self._script = pinned.digests.get(name, "")
        self._place = pinned.place
        allowed = pinned.allowed.get(package, ())
        # where they are all sha256, they are held against the lock
        self._allowed: Collection[str] = () if all(map(is_digest, allowed)) else allowed

    @property
    def is_enough(self) -> bool:
        """Whether the content adds nothing to what the index states."""
        is_pinned = is_digest(self._script) or not self._script
        return is_digest(self._index) and is_pinned and (not self._allowed or self._index in self._allowed)

    def problems(self, has: Has | None = None) -> list[Problem]:
        """Return what is wrong with a file, of which nothing may be known but what its index states."""
        has = has or (lambda digest: digest == self._index)
        if self._index and not has(self._index):
            algorithm = algorithm_of(self._index)
            return [Problem(f"the content of `{self._name}` does not have the {algorithm} that its index states")]
        if self._script and not has(self._script):
            message = f"`{self._name}` does not have the {algorithm_of(self._script)} that is stated here"
            return [Problem(message, self._place, "find out why it changed, before you run `uv lock --script`")]
        if self._allowed and not any(map(has, self._allowed)):
            message = f"`{self._name}` is not among the files that the project's lock states"
            return [Problem(message, hint="lock the project anew, such as with `uv lock`")]
        return []


def _measured(
    wheel: Wheel, place: WheelAddress, sources: Sources, stated: _StatedDigests
) -> tuple[Wheel, list[Problem]]:
    if wheel.size and stated.is_enough:
        return wheel, stated.problems()
    digest, size = _content(wheel, place, sources)
    path = sources.store.path(digest)
    return replace(wheel, digest=digest, size=size), stated.problems(lambda each: has_stated(path, each))


def _content(wheel: Wheel, place: WheelAddress, sources: Sources) -> tuple[Digest, int]:
    """Fetch the file of a wheel into the store; return its digest and size."""
    if wheel.digest and sources.store.has(wheel.digest):
        return wheel.digest, sources.store.path(wheel.digest).stat().st_size
    if "://" in place.address:
        return sources.client.fetch_unknown(place.address, sources.store, most=_MOST_WHEEL, index=place.index)
    data = _local(wheel.name, Path(place.address))
    return sources.store.add(data), len(data)


def _local(name: str, path: Path) -> bytes:
    if not path.is_file():
        raise InputError.of(f"`{name}` is no regular file on this machine")
    return path.read_bytes()
