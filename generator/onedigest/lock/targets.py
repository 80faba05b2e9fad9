"""The wheel that a platform selects: tags of its Python, architecture and glibc, and the eleven marker values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import prod

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from onedigest.lock.base import Base
from onedigest.platforms import Platform

_CPYTHON = re.compile(r"cp3(\d{1,3})", re.ASCII)
_NEWEST_GLIBC = 99
_MOST_TAGS = 200
"""How many tags the name of a wheel may stand for, and the newest glibc 2.N: what is beyond exists nowhere."""

_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


class Target:
    """A platform together with the Python and the glibc of its base."""

    def __init__(self, platform: Platform, python: str, glibc: str) -> None:
        self.platform = platform
        self.python = python
        self.glibc = glibc

    @cached_property
    def _ranks(self) -> dict[Tag, int]:
        return {tag: rank for rank, tag in enumerate(self._tags(self.glibc))}

    @property
    def environment(self) -> Environment:
        """All eleven marker values (PEP 508); one that is missing would be filled from the host."""
        return Environment(
            implementation_name="cpython",
            implementation_version=self.python,
            os_name="posix",
            platform_machine=self.platform.machine,
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=self.python,
            platform_python_implementation="CPython",
            python_version=".".join(self.python.split(".")[:2]),
            sys_platform="linux",
        )

    @property
    def marker_values(self) -> dict[str, str]:
        """The marker values as a marker is evaluated by, outside of any extra."""
        return {**{name: str(value) for name, value in self.environment.items()}, "extra": ""}

    def select(self, names: Iterable[str]) -> str | None:
        """Return the file name of the best wheel, or None."""
        return _best(names, self._ranks)

    def fitting(self, names: Iterable[str]) -> list[str]:
        """Return the wheels that can be installed, in the order that they come in."""
        return [name for name in names if _best([name], self._ranks)]

    def pythons_of(self, name: str) -> set[str]:
        """Return the Pythons, as 3.N, that a wheel for this architecture is made for, where its tags name them."""
        try:
            tags = parse_wheel_filename(name)[3]
        except InvalidWheelFilename:
            return set()
        fitting = {tag.interpreter for tag in tags if self.platform.has_tag(tag.platform)}
        return {f"3.{match[1]}" for each in fitting if (match := _CPYTHON.fullmatch(each))}

    def select_newer(self, names: Iterable[str]) -> str | None:
        """Return the best wheel where glibc does not matter: it tells a wheel that needs a newer one from none."""
        return _best(names, {tag: rank for rank, tag in enumerate(self._tags(f"2.{_NEWEST_GLIBC}"))})

    def _tags(self, glibc: str) -> Iterator[Tag]:
        major, minor = map(int, self.python.split(".")[:2])
        interpreter = f"cp{major}{minor}"
        platforms = list(_manylinux(self.platform, glibc))
        yield from cpython_tags((major, minor), abis=[interpreter], platforms=platforms)
        yield from compatible_tags((major, minor), interpreter, platforms)


def targets_of(base: Base, platforms: Iterable[Platform]) -> list[Target]:
    """Return platforms together with what their base has."""
    return [Target(platform, base.python, base.libc_version) for platform in platforms]


def _manylinux(platform: Platform, glibc: str) -> Iterator[str]:
    """Yield platform tags, newest first (PEP 600), in the order that a host of that glibc has."""
    major, newest = map(int, glibc.split("."))
    for minor in range(min(newest, _NEWEST_GLIBC), platform.oldest_manylinux - 1, -1):
        yield f"manylinux_{major}_{minor}_{platform.machine}"
        if legacy := _LEGACY.get((major, minor)):
            yield f"{legacy}_{platform.machine}"
    yield f"linux_{platform.machine}"


def _best(names: Iterable[str], ranks: Mapping[Tag, int]) -> str | None:
    found: list[tuple[int, tuple[int, str] | tuple[()], str]] = []
    for name in names:
        if prod(part.count(".") + 1 for part in name.removesuffix(".whl").split("-")[-3:]) > _MOST_TAGS:
            continue
        try:
            _, _, build, tags = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None:
            found.append((rank, build, name))
    if not found:
        return None
    best = min(rank for rank, _, _ in found)
    return max((build, name) for rank, build, name in found if rank == best)[1]
