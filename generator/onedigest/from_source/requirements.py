"""The requirements of a backend: how they are chosen and pinned, and how their wheels come to this machine.

They are wheels alone, with their digests, for the machines that may build: Linux and macOS with any CPython from 3.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name

from onedigest import untrusted
from onedigest.checkout import read_inside
from onedigest.digest import algorithm_of, has_stated, of_bytes
from onedigest.errors import InputError, NetworkError, Problem
from onedigest.from_source.compatible_wheels import BuildNeed, choose, may_build
from onedigest.from_source.model import BuildRequirement, PinnedFile
from onedigest.from_source.project_text import MACHINES, NAME, preferences_text, project_text, settings_of
from onedigest.net.download import Download, download
from onedigest.store import link
from onedigest.tools import uv
from onedigest.tools.uv_rows import (
    NOWHERE,
    WEB,
    WheelAddress,
    stated_digest,
    wheel_address,
    wheel_digest,
    wheel_index,
    wheel_name,
)

if TYPE_CHECKING:
    from onedigest.sources import Sources

_FEWER = (MACHINES, MACHINES[:2] + MACHINES[3:], MACHINES[:2])
"""Which of them have to have wheels: all, else as many as can be. Few packages have wheels for older Macs by now."""

_UNFIT = re.compile(r"`-compatible wheels")
_NOISE = re.compile(r" for split \(markers: [^)]*\)|\n*hint: Wheels are required for [^\n]*--no-build`\)")
_MOST_WHEEL = 1 << 30
_MOST_FILES = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPins:
    """Requirements that are pinned, and where their wheels are, by file name, as far as it is known."""

    requires: tuple[BuildRequirement, ...]
    places: Mapping[str, WheelAddress] = field(default_factory=dict)


def resolve(
    need: BuildNeed, stated: Iterable[str], previous: Sequence[BuildRequirement], sources: Sources
) -> BuildPins:
    """Choose the requirements of a backend; those of `previous` stay as long as they satisfy.

    Raises `InputError` for what has no wheel or is no requirement of an index, and `NetworkError`.
    """
    extra = [
        each if isinstance(each, str) else str(each.get("requirement", ""))
        for each in need.settings.get("dependencies", ())
    ]
    wanted = _checked(need, [*stated, *extra])
    if not wanted:
        return BuildPins(requires=())
    constraints = list(map(str, need.settings.get("constraints", ())))
    if _satisfy(previous, wanted, constraints):
        return BuildPins(requires=tuple(previous))
    known = preferences_text(previous) if previous else ""
    return _pins(need, _ask(need, wanted, constraints, known, sources), sources)


def locate(need: BuildNeed, requires: Sequence[BuildRequirement], sources: Sources) -> BuildPins:
    """Ask where the wheels of pinned requirements are now. Raises `InputError` and `NetworkError`."""
    if not requires:
        return BuildPins(requires=())
    wanted = [f"{each.name}=={each.version}" for each in requires]
    found = _ask(need, wanted, (), "", sources)
    places = {file.name: place for row in found.get("package", ()) for file, place in _wheels(row)}
    return BuildPins(requires=tuple(requires), places=places)


def fetch_requirements(
    need: BuildNeed, pins: BuildPins, tags: Sequence[Tag], sources: Sources, folder: Path
) -> list[Path]:
    """Fetch the wheels that a machine with these tags takes into a new folder; return their paths.

    Raises `InputError` where one of them has none for it, and `NetworkError`.
    """
    chosen = choose(need, pins.requires, tags)
    missing = [each for each in chosen if not sources.store.has(each.digest, each.size)]
    if missing and not pins.places:
        pins = locate(need, pins.requires, sources)
    wanted = []
    for file in missing:
        place = pins.places.get(file.name, NOWHERE)
        if place.address and "://" not in place.address:
            _add(need, file, Path(place.address), sources)
        else:
            urls = (place.address,) if place.address else ()
            wanted.append(Download(name=file.name, digest=file.digest, size=file.size, urls=urls, index=place.index))
    _refuse_gone(need, wanted)
    download(sources.client, sources.store, wanted, sources.report)
    folder.mkdir()
    for file in chosen:
        link(sources.store.path(file.digest), folder / file.name)
    return [folder / file.name for file in chosen]


def _checked(need: BuildNeed, stated: Iterable[str]) -> list[str]:
    found, problems = [], []
    for text in stated:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            problems.append(
                Problem(f"the build requirement {untrusted.quoted(text)} of `{need.name}` cannot be read", need.where)
            )
            continue
        if requirement.url:
            message = f"the build requirement `{requirement.name}` of `{need.name}` is an address"
            hint = f"state its version, as in `{requirement.name}==1.0`: only wheels of an index are taken"
            problems.append(Problem(message, need.where, hint))
        elif need.declared.is_elsewhere(canonicalize_name(requirement.name)):
            # an index may have something else of that name
            message = (
                f"the build requirement `{requirement.name}` of `{need.name}` is in [tool.uv.sources], which names"
            )
            hint = "publish a wheel of it to an index, and name that there: `{ index = … }`"
            problems.append(Problem(f"{message} no index", need.where, hint))
        found.append(str(requirement))
    if problems:
        raise InputError(problems)
    return sorted(set(found))


def _satisfy(previous: Iterable[BuildRequirement], wanted: Iterable[str], constraints: Iterable[str]) -> bool:
    """Tell whether pins, which have all that they need in turn, have what is wanted, so that no index is asked."""
    versions: dict[str, str] = {}
    for each in previous:
        if each.name in versions:
            return False
        versions[each.name] = each.version
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or requirement.extras or not requirement.specifier.contains(version, prereleases=True):
            return False
    try:
        limits = list(map(Requirement, constraints))
    except InvalidRequirement:
        return False  # uv says what is wrong with it
    return all(
        limit.specifier.contains(versions.get(canonicalize_name(limit.name), ""), prereleases=True)
        for limit in limits
        if canonicalize_name(limit.name) in versions
    )


def _ask(
    need: BuildNeed, wanted: Sequence[str], constraints: Sequence[str], known: str, sources: Sources
) -> dict[str, Any]:
    for machines in _FEWER:
        try:
            return uv.lock(
                project_text(wanted, constraints, settings_of(need, wanted), machines),
                known,
                store=sources.store,
                where=need.where,
                environment=sources.environment,
                offline=sources.offline,
            )
        except (InputError, NetworkError) as error:
            if machines == _FEWER[-1] or not any(_UNFIT.search(problem.message) for problem in error.problems):
                raise type(error)(_explained(need, problem) for problem in error.problems) from None
    raise AssertionError("the last one returns or raises")


def _explained(need: BuildNeed, problem: Problem) -> Problem:
    text = _NOISE.sub("", problem.message.replace("your project", "its backend")).strip()
    hint = problem.hint
    if "no usable wheels" in text or "no wheels" in text:
        hint = "a build requirement must have a wheel: publish one to an index, or ask for a version that has one"
    return Problem(f"the build requirements of `{need.name}` cannot be had: {text}", problem.where, hint)


def _pins(need: BuildNeed, found: Mapping[str, Any], sources: Sources) -> BuildPins:
    requires, places = [], {}
    for row in found.get("package", ()):
        name = untrusted.normalized_name(row.get("name"))
        if name == NAME:
            continue
        wheels = _kept([each for each in _wheels(row) if may_build(each[0].name)])
        if not wheels:
            raise InputError.of(
                f"the build requirement `{name}` of `{need.name}` has no wheel for Linux and macOS",
                where=need.where,
                hint="publish one to an index, or ask for a version that has one",
            )
        if len(wheels) > _MOST_FILES:
            raise InputError.of(f"the build requirement `{name}` has more than {_MOST_FILES} wheels", where=need.where)
        files = []
        for file, place in wheels:
            places[file.name] = place
            files.append(file if file.digest and file.size else _measured(file, place, sources))
        requires.append(BuildRequirement(name=name, version=untrusted.version(row.get("version")), wheels=tuple(files)))
    return BuildPins(requires=tuple(sorted(requires)), places=places)


_Row = tuple[PinnedFile, WheelAddress]
"""A wheel as uv.lock has it: digest and size are empty where its index does not state them."""


def _wheels(row: Mapping[str, Any]) -> Iterator[_Row]:
    source = row.get("source", {})
    for wheel in row.get("wheels", ()):
        try:
            name, size = wheel_name(wheel), untrusted.size(wheel.get("size", 0), _MOST_WHEEL)
            file = PinnedFile(name=name, digest=wheel_digest(wheel), size=size)
            place = WheelAddress(wheel_address(source, wheel), stated_digest(wheel), wheel_index(source))
        except (KeyError, ValueError):
            continue
        if name and (place.address.startswith(WEB) or "://" not in place.address):
            yield file, place


def _kept(wheels: list[_Row]) -> list[_Row]:
    """Return the one pure wheel where there is one: then every machine has the same."""
    pure = [each for each in wheels if each[0].name.endswith("-none-any.whl")]
    return pure[:1] or wheels


def _measured(file: PinnedFile, place: WheelAddress, sources: Sources) -> PinnedFile:
    if "://" in place.address:
        digest, size = sources.client.fetch_unknown(place.address, sources.store, most=_MOST_WHEEL, index=place.index)
    else:
        data = _local(file.name, Path(place.address))
        digest, size = sources.store.add(data), len(data)
    if place.stated and not has_stated(sources.store.path(digest), place.stated):
        algorithm = algorithm_of(place.stated)
        raise InputError.of(f"the content of `{file.name}` does not have the {algorithm} that its index states")
    return replace(file, digest=digest, size=size)


def _local(name: str, place: Path) -> bytes:
    """Return a wheel of an index that is a folder of this machine. Raises `InputError`."""
    return read_inside(place, Path(place.anchor), name, _MOST_WHEEL)


def _add(need: BuildNeed, file: PinnedFile, place: Path, sources: Sources) -> None:
    data = _local(file.name, place)
    if of_bytes(data) != file.digest:
        raise InputError.of(f"`{file.name}` has another sha256 than the lock states", where=need.where)
    sources.store.add(data)


def _refuse_gone(need: BuildNeed, wanted: Iterable[Download]) -> None:
    problems = [
        Problem(
            f"the wheel `{file.name}` that `{need.name}` was built with is in no index any more",
            need.where,
            f"generate it again with `--upgrade-package {need.name}`",
        )
        for file in wanted
        if not file.urls
    ]
    if problems:
        raise InputError(problems)
