"""Knows how a source becomes a wheel of the store: what it is, what its backend needs, and that it is built once."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.tags import sys_tags
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename, parse_wheel_filename

from onedigest.digest import Digest, canonical_json, hex_of, of_bytes, of_file
from onedigest.errors import InputError, NetworkError, Problem
from onedigest.from_source import archives, commits, trees
from onedigest.from_source.backend import ask_requirements, read_build_system
from onedigest.from_source.fitting import Need
from onedigest.from_source.model import NO_DIGEST, BuildRequirement, Built, BuiltFrom, Kind, PinnedFile, Source
from onedigest.from_source.repeating import build_twice
from onedigest.from_source.requirements import Pins, bring, resolve
from onedigest.sources import Sources

_BUILDING = ("config-settings", "variables", "dependencies", "constraints")
"""What of [tool.uv] may change a wheel; the rest says where build requirements are."""

_POINTER = b"version https://git-lfs.github.com/spec/"

Hear = Callable[[Problem], None]


def make_wheel(source: Source, previous: Built | None, sources: Sources, *, root: Path, hear: Hear) -> Built:
    """Return the wheel of a source, which is in the store then.

    Nothing is built where `previous` is of the same source and its wheel is in the store. What `previous` was built
    with stays as long as it satisfies. `root` is the folder of the repository, which no local source may leave.
    Raises `InputError` where the wheel is another one than `previous` was of the same source, and for what cannot be
    built, and `NetworkError`.
    """
    origin = identify(source, previous, sources, root=root)
    is_same = previous is not None and replace(previous.origin, requires=()) == origin
    if previous and is_same and sources.store.has(previous.wheel.digest, previous.wheel.size):
        return previous
    pinned = previous.origin.requires if previous else ()
    try:
        built = _build(source, origin, pinned, sources, root, hear, is_same=is_same)
    except (InputError, NetworkError) as error:
        raise type(error)(_placed(source, problem) for problem in error.problems) from None
    if previous and is_same and built.wheel != previous.wheel:
        raise _differs(source, previous, built)
    return built


def identify(source: Source, previous: Built | None, sources: Sources, *, root: Path) -> BuiltFrom:
    """Return what a source is now, without `requires`: of git the commit of `previous`, while the same is asked for.

    Raises `InputError` and `NetworkError`.
    """
    known = previous.origin if previous else None
    if source.kind is Kind.GIT:
        found = commits.find_commit(source, known, sources)
    elif source.kind is Kind.ARCHIVE:
        found = archives.find_archive(source, known, sources, root)
    else:
        tree = trees.list_tree(Path(source.place), root, sources.environment, source.where)
        found = BuiltFrom(
            kind=Kind.DIRECTORY,
            path=source.stated,
            digest=trees.digest_tree(tree),
            subdirectory=source.subdirectory,
        )
    return replace(found, settings=_digest_of(source.build_settings()))


def _digest_of(settings: Mapping[str, Any]) -> Digest:
    kept = {name: settings[name] for name in _BUILDING if settings.get(name)}
    return of_bytes(canonical_json(kept)) if kept else NO_DIGEST


def _build(
    source: Source,
    origin: BuiltFrom,
    pinned: Sequence[BuildRequirement],
    sources: Sources,
    root: Path,
    hear: Hear,
    *,
    is_same: bool,
) -> Built:
    settings = source.build_settings()
    need = Need(name=source.name, where=source.where, settings=settings)
    tags = list(sys_tags())
    with sources.store.scratch() as scratch:
        tree = _lay_out(source, origin, sources, root, scratch / source.name, hear)
        system = read_build_system(tree / source.subdirectory)
        if is_same:
            pins = Pins(requires=tuple(pinned))
            tools = bring(need, pins, tags, sources, scratch / "tools")
        else:
            pins = resolve(need, system.requires, pinned, sources)
            tools = bring(need, pins, tags, sources, scratch / "stated-tools")
            asking = scratch / "asking"
            asking.mkdir()
            more = ask_requirements(tree, source.subdirectory, tools, settings, asking)
            if more:
                pins = resolve(need, (*system.requires, *more), (*pins.requires, *pinned), sources)
                tools = bring(need, pins, tags, sources, scratch / "tools")
        building = scratch / "building"
        building.mkdir()
        wheel = build_twice(tree, source.subdirectory, tools, settings, building, hear)
        _check(source, origin, wheel)
        digest, size = of_file(wheel), wheel.stat().st_size
        made = PinnedFile(name=wheel.name, digest=digest, size=size)
        sources.store.keep(wheel, digest)
    return Built(wheel=made, origin=replace(origin, requires=pins.requires))


def _lay_out(source: Source, origin: BuiltFrom, sources: Sources, root: Path, target: Path, hear: Hear) -> Path:
    """Write a source into a new folder; return the folder that `subdirectory` is in."""
    if source.kind is Kind.GIT:
        commits.check_out(source, origin, sources, target, hear)
        return target
    if source.kind is Kind.ARCHIVE:
        return archives.unpack(source, origin, sources, root, target)
    tree = trees.list_tree(Path(source.place), root, sources.environment, source.where)
    if trees.copy_tree(tree, target) != origin.digest:
        raise InputError.of(f"the files of `{source.name}` changed while they were read", where=source.where)
    if tree.credentials:
        names = ", ".join(f"`{each}`" for each in tree.credentials[:5])
        message = f"files that may hold credentials are no part of the wheel of `{source.name}`: {names}"
        hear(Problem(message, source.where, "keep what a program needs under another name"))
    return target


def _check(source: Source, origin: BuiltFrom, wheel: Path) -> None:
    """Raise `InputError` for a wheel of another project or version than was asked for, or with a part missing."""
    name, version = parse_wheel_filename(wheel.name)[:2]
    if name != canonicalize_name(source.name):
        raise InputError.of(f"{source.stated} is the project `{name}`, and `{source.name}` is asked for")
    try:
        stated, asked = parse_sdist_filename(origin.path) if origin.kind is Kind.ARCHIVE else (name, version)
    except InvalidSdistFilename:
        stated, asked = name, version
    if stated == name and asked != version:
        raise InputError.of(f"{origin.path} makes a wheel of the version {version}, and is one of {asked}")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                if file.read(len(_POINTER)) == _POINTER:
                    message = f"`{member.filename}` is a pointer of Git LFS, and what it stands for is not here"
                    hint = "run `git lfs pull`" if origin.kind is Kind.DIRECTORY else "name a wheel of it"
                    raise InputError.of(message, hint=hint)


def _placed(source: Source, problem: Problem) -> Problem:
    """Return a problem with the name of the project that was to be built, and where it is asked for."""
    message = problem.message
    if f"`{source.name}`" not in message:
        place = f"{problem.where}: " if problem.where and problem.where != source.where else ""
        message = f"`{source.name}` cannot be built: {place}{message}"
    return Problem(message, source.where, problem.hint)


def _differs(source: Source, previous: Built, built: Built) -> InputError:
    was, now = previous.wheel, built.wheel
    message = f"`{source.name}` was built again, and is another wheel than the lock has"
    message += f" ({was.name} {hex_of(was.digest)[:12]}, now {now.name} {hex_of(now.digest)[:12]})"
    why = "its backend gives another result with this Python or on this machine"
    if source.kind is Kind.GIT:
        why += ", or the repository has other tags by now"
    hint = f"{why}; `--upgrade-package {source.name}` takes the new one"
    return InputError.of(message, where=source.where, hint=hint)
